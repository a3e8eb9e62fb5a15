/** Records as the instruction table says, without the core module's way of making them. */
import { decode, encodingNamed, isFpAccess } from '../src/decoder.ts';
import { FIRST_COLD, HANDLERS, type Handler, staticKey } from '../src/interpreter/handlers.ts';
import { HANDLER_FP_TRAP, HANDLER_USES_FLAGS, type RecordSpec } from '../src/interpreter/record.ts';
import { RECORD_BYTES } from '../src/layout.ts';

const byForm = new Map<string, Handler>(
  HANDLERS.map((h) => [[h.encoding.index, staticKey(h.encoding, h.fields), h.far, h.movesSp].join(), h]),
);

/** The record of an instruction word at an address of which `pc` is the low 12 bits. */
export function recordOf(
  specs: ReadonlyMap<number, RecordSpec>,
  word: number,
  pc: number,
  { trapsFp = false, alone = false } = {},
): Uint8Array {
  const view = new DataView(new ArrayBuffer(RECORD_BYTES));
  const bytes = new Uint8Array(view.buffer);
  const decoded = decode(word, pc);
  if (decoded && trapsFp && isFpAccess(word)) {
    view.setUint16(0, HANDLER_FP_TRAP, true);
    return bytes;
  }
  const { encoding, fields } = decoded ?? { encoding: encodingNamed('UDF'), fields: { pc, imm16: 0 } };
  const { target, movesSp } = encoding.row;
  const to = target ? pc + target(fields) : 0;
  const far = target !== undefined && (alone || to < 0 || to > 0xffc);
  const form = [encoding.index, staticKey(encoding, fields), far, movesSp?.(fields) ?? false].join();
  const handler = byForm.get(form);
  const spec = handler && specs.get(handler.id);
  if (!spec) throw new Error(`${encoding.row.name} has no handler for ${JSON.stringify(fields)}`);
  view.setUint16(0, handler.id | (handler.id >= FIRST_COLD && spec.usesFlags ? HANDLER_USES_FLAGS : 0), true);
  for (const { offset, bytes: size, value } of spec.operands) {
    const v = BigInt.asUintN(8 * size, BigInt(value(fields)));
    if (size === 2) view.setUint16(offset, Number(v), true);
    else if (size === 4) view.setUint32(offset, Number(v), true);
    else view.setBigUint64(offset, v, true);
  }
  return bytes;
}
