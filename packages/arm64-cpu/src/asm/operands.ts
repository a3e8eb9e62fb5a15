/** Finds what a placeholder of an assembly template means. */
import type { Pattern } from '../table/row.ts';
import type { Operand } from './operand.ts';
import { extend, fixedRegister, GENERAL_OPERANDS, label, registerOffset, sizedRegister } from './operands-general.ts';
import { immediateOperand } from './operands-immediate.ts';
import { SYSTEM_OPERANDS } from './operands-system.ts';
import { registerList, vectorOperand } from './operands-vector.ts';

/** `<Xd>`, `<Wt2>`, `<Xs+1>`, `<Xn|SP>`. */
const FIXED = /^([XW])([dnmasft]2?)(?:\+(\d))?(\|SP)?$/;
/** `<Rd>`, `<Rn|SP>`: width by `sf`. */
const SIZED = /^R([dnmast]2?)(\|SP)?$/;

/** The operand for a placeholder (without angle brackets) of a template for rows of this pattern. */
export function operandFor(name: string, pattern: Pattern, template: string): Operand {
  const known = GENERAL_OPERANDS[name] ?? SYSTEM_OPERANDS[name];
  if (known) return known;
  if (name === 'Rm,extend') return extend(template.includes('<Rd|SP>'));
  const fixed = FIXED.exec(name);
  if (fixed)
    return fixedRegister(fixed[1]!.toLowerCase(), `R${fixed[2]}`, Number(fixed[3] ?? 0), fixed[4] !== undefined);
  const sized = SIZED.exec(name);
  if (sized) return sizedRegister(`R${sized[1]}`, sized[2] !== undefined);
  const offset = /^Rm,offset:(\d)$/.exec(name);
  if (offset) return registerOffset(Number(offset[1]));
  const target = /^label:(\w+)$/.exec(name);
  const operand = (target && label(target[1]!)) ?? vectorOperand(name, pattern) ?? immediateOperand(name, pattern);
  if (!operand) throw new Error(`no operand is known by the placeholder <${name}> of ${template}`);
  return operand;
}

/** A list of vectors: `{<Vt.T>, <Vt+1.T>}`. */
export const LIST = /\{<V[^>]*>(?:, <V[^>]*>)*\}/;

export function listFor(text: string): Operand {
  const [, register, suffix] = /^\{<V(\w)\.(\w+)>/.exec(text)!;
  return registerList(`R${register}`, suffix!, text.split(', ').length);
}
