/** Branches, exception generation and hints: Arm ARM C4.1.87. */
import { and, eqz, i32, i64, konst, ne, or, shrU, wrap } from '../wasm/expr.ts';
import { widthOf } from './dp-immediate.ts';
import type { Fields, Row } from './row.ts';
import type { Sem } from './sem.ts';

const signed = (value: number, bits: number): number => (value << (32 - bits)) >> (32 - bits);
const offset26 = (f: Fields): number => signed(f.imm26!, 26) * 4;
const offset19 = (f: Fields): number => signed(f.imm19!, 19) * 4;
const offset14 = (f: Fields): number => signed(f.imm14!, 14) * 4;

const nextPc = (x: Sem) => x.pcRelative(() => 4);

/** ESR_EL1 of an exception: class, IL set for a 32-bit instruction, and ISS from the 16-bit immediate. */
const syndrome = (x: Sem, ec: number) =>
  or(
    i64(ec * 2 ** 26 + 2 ** 25),
    x.imm64((f) => f.imm16!),
  );
const EC_WFX = 0x01;
/** CV = 1 and COND = 0b1110: an A64 instruction has no condition. */
const ISS_ALWAYS = 0x1e00000;
/** SCTLR_EL1.nTWI and nTWE: 0 traps EL0's WFI or WFE. */
const SCTLR_NTWI = 1 << 16;
const SCTLR_NTWE = 1 << 18;

/** The trap of a wait at EL0 that SCTLR_EL1 does not allow; `ti` is 0 for WFI, 1 for WFE. */
function trapWait(x: Sem, allow: number, ti: number): void {
  const allowed = wrap(and(x.state('SCTLR_EL1', 'i64'), i64(allow)));
  x.if(eqz(or(x.state('el', 'i32'), allowed)), () => x.exception(i64(EC_WFX * 2 ** 26 + 2 ** 25 + ISS_ALWAYS + ti)));
}

const EC_SVC64 = 0x15;
const EC_BRK64 = 0x3c;

export const rows: readonly Row[] = [
  {
    name: 'B',
    pattern: '0 00101 imm26:26',
    asm: 'b <label:imm26>',
    target: offset26,
    sem: (x) => x.branch(),
  },
  {
    name: 'BL',
    pattern: '1 00101 imm26:26',
    asm: 'bl <label:imm26>',
    target: offset26,
    isCall: true,
    sem: (x) => {
      x.setState('x30', nextPc(x));
      x.branch();
    },
  },
  {
    name: 'B_cond',
    pattern: '01010100 imm19:19 0 cond:4',
    asm: 'b.<cond> <label:imm19>',
    target: offset19,
    sem: (x, f) => x.branch(x.cond(f.cond!)),
  },
  ...['CBZ', 'CBNZ'].map(
    (name, op): Row => ({
      name,
      pattern: `sf 011010 ${op} imm19:19 Rt:5`,
      asm: `${name.toLowerCase()} <Rt>, <label:imm19>`,
      target: offset19,
      sem: (x, f) => {
        const value = x.X('Rt', widthOf(f));
        x.branch(op ? ne(value, konst(value.t, 0)) : eqz(value));
      },
    }),
  ),
  ...['TBZ', 'TBNZ'].map(
    (name, op): Row => ({
      name,
      pattern: `immb5 011011 ${op} immb40:5 imm14:14 Rt:5`,
      asm: `${name.toLowerCase()} <Rt,bit>, <#bit>, <label:imm14>`,
      target: offset14,
      sem: (x) => {
        const bit = and(
          shrU(
            x.X('Rt'),
            x.imm64((f) => f.immb5! * 32 + f.immb40!),
          ),
          i64(1),
        );
        x.branch(op ? wrap(bit) : eqz(bit));
      },
    }),
  ),
  {
    name: 'BR',
    pattern: '1101011 0 0 00 11111 000000 Rn:5 00000',
    asm: 'br <Xn>',
    sem: (x) => x.branchTo(x.X('Rn')),
  },
  {
    name: 'BLR',
    pattern: '1101011 0 0 01 11111 000000 Rn:5 00000',
    asm: 'blr <Xn>',
    isCall: true,
    sem: (x) => {
      const target = x.tmp(x.X('Rn'));
      x.setState('x30', nextPc(x));
      x.branchTo(target);
    },
  },
  {
    name: 'RET',
    pattern: '1101011 0 0 10 11111 000000 Rn:5 00000',
    asm: 'ret <Xn,ret>',
    sem: (x) => x.branchTo(x.X('Rn')),
  },
  {
    name: 'ERET',
    pattern: '1101011 0100 11111 000000 11111 00000',
    asm: 'eret',
    cold: true,
    sem: (x) => {
      x.if(eqz(x.state('el', 'i32')), () => x.undefined());
      x.callVoid('exceptionReturn', x.cpu());
      x.end('jump');
    },
  },
  {
    name: 'SVC',
    pattern: '11010100 000 imm16:16 000 01',
    asm: 'svc <#imm16hex>',
    cold: true,
    sem: (x) => x.exception(syndrome(x, EC_SVC64), true),
  },
  {
    name: 'BRK',
    pattern: '11010100 001 imm16:16 000 00',
    asm: 'brk <#imm16hex>',
    cold: true,
    sem: (x) => x.exception(syndrome(x, EC_BRK64)),
  },
  ...['HVC', 'SMC'].map(
    (name, i): Row => ({
      name,
      pattern: `11010100 000 imm16:16 000 1${i}`,
      asm: `${name.toLowerCase()} <#imm16hex>`,
      cold: true,
      sem: (x) => {
        x.if(eqz(x.state('el', 'i32')), () => x.undefined());
        // The host serves the call on the registers; it answers 0 where the immediate is not one that it knows.
        const known = x.call(
          'hypercall',
          x.cpu(),
          x.imm32((f) => f.imm16!),
          i32(i),
        );
        x.if(eqz(known), () => x.undefined());
        x.end('check');
      },
    }),
  ),
  {
    name: 'UDF',
    pattern: '0000000000000000 imm16:16',
    asm: 'udf <#imm16>',
    cold: true,
    sem: (x) => x.undefined(),
  },
  {
    name: 'HLT',
    pattern: '11010100 010 imm16:16 000 00',
    asm: 'hlt <#imm16hex>',
    cold: true,
    sem: (x) => x.undefined(),
  },
  // Hints: WFE and WFI wait, SEV and SEVL set the event register, the rest do nothing.
  {
    name: 'WFI',
    pattern: '11010101000000110010 0000 011 11111',
    asm: 'wfi',
    cold: true,
    sem: (x) => {
      trapWait(x, SCTLR_NTWI, 0);
      x.end('wait');
    },
  },
  {
    name: 'WFE',
    pattern: '11010101000000110010 0000 010 11111',
    asm: 'wfe',
    cold: true,
    sem: (x) => {
      x.if(eqz(x.state('eventRegister', 'i32')), () => {
        trapWait(x, SCTLR_NTWE, 1);
        x.end('event');
      });
      x.setState('eventRegister', i32(0));
    },
  },
  ...['SEV', 'SEVL'].map(
    (name, i): Row => ({
      name,
      pattern: `11010101000000110010 0000 10${i} 11111`,
      asm: name.toLowerCase(),
      cold: true,
      sem: (x) => {
        x.setState('eventRegister', i32(1));
        if (name === 'SEV') x.callVoid('sendEvent', x.cpu());
      },
    }),
  ),
  {
    name: 'HINT',
    pattern: '11010101000000110010 immCRm:4 immop2:3 11111',
    asm: 'hint <#immCRm:immop2>',
    sem: () => {},
  },
  {
    name: 'CLREX',
    pattern: '11010101000000110011 immCRm:4 010 11111',
    asm: 'clrex <#immCRm>',
    sem: (x) => x.setState('exclusiveAddress', i32(-1)),
  },
  {
    name: 'DSB',
    pattern: '11010101000000110011 immCRm:4 100 11111',
    asm: 'dsb <#barrier>',
    sem: (x) => {
      x.fence();
      x.if(x.state('maintenanceDue', 'i32'), () => {
        x.callVoid('synchronize', x.cpu());
        x.end('check');
      });
    },
  },
  {
    name: 'DMB',
    pattern: '11010101000000110011 immCRm:4 101 11111',
    asm: 'dmb <#barrier>',
    sem: (x) => x.fence(),
  },
  {
    name: 'ISB',
    pattern: '11010101000000110011 immCRm:4 110 11111',
    asm: 'isb <#immCRm>',
    // What follows is fetched anew, under the translation that is in force now.
    sem: (x) => x.branchTo(nextPc(x)),
  },
];
