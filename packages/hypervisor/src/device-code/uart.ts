/** UARTFR and UARTDR of a domain's UART: what a kernel that prints does twice for each character. */
import {
  add,
  and,
  atomicCode,
  atomicLoad,
  eq,
  eqz,
  geU,
  i32,
  load,
  ne,
  not,
  or,
  shl,
  sub,
  tryLock,
  unlock,
} from '@dom0less/arm64-cpu/wasm';
import { FIFO_DEPTH, PL011_REGISTER, UART_STATE } from '@dom0less/vuart';
import { READ, RING_HEADER_BYTES, WRITTEN } from '../console/ring.ts';
import { OUTPUT_RING_BYTES, VCPU_CONTROL, VCPU_CONTROL_AT } from '../memory/layout.ts';
import type { DeviceFunction } from './device-function.ts';
import { ofDomain, VALUE } from './places.ts';

const { UARTDR, UARTFR, CR_UARTEN, CR_TXE, CR_CTSEN, CR_LBE, INT_TX } = PL011_REGISTER;
const TRANSMITTING = CR_UARTEN | CR_TXE;

/**
 * uart(cpu, domain, offset, isWrite): UARTFR is read, or a byte sent whose only trace in the UART is that it went through the
 * empty transmit FIFO: no interrupt changes, nothing holds it back, and the output ring has room for another one behind it.
 * 0: it is for the host to do.
 */
export const uart: DeviceFunction = {
  name: 'uart',
  params: ['i32', 'i32', 'i32', 'i32'],
  results: ['i32'],
  build(f) {
    const [cpu, domain, offset, isWrite] = [f.param(0), f.param(1), f.param(2), f.param(3)];
    const state = f.tmp(ofDomain(domain, 'UART'));
    const word = (field: keyof typeof UART_STATE) => load('i32', state, UART_STATE[field]);
    f.if(eqz(isWrite), () => {
      f.if(ne(offset, i32(UARTFR)), () => f.ret(i32(0)));
      f.store('i32', cpu, atomicLoad('i32', 4, state, UART_STATE.FR), VALUE);
      f.ret(i32(1));
    });
    f.if(ne(offset, i32(UARTDR)), () => f.ret(i32(0)));
    f.if(tryLock(state), () => f.ret(i32(0)));
    const ring = f.tmp(ofDomain(domain, 'OUTPUT'));
    const written = f.tmp(load('i32', ring, WRITTEN));
    const tail = f.tmp(word('TX_TAIL'));
    const transmits = eq(and(word('CR'), i32(TRANSMITTING | CR_CTSEN | CR_LBE)), i32(TRANSMITTING));
    const raises = and(and(word('IMSC'), not(word('RIS'))), i32(INT_TX));
    const used = sub(written, atomicLoad('i32', 4, ring, READ));
    const isHeld = or(ne(tail, word('TX_HEAD')), word('TX_HELD'));
    f.if(or(or(eqz(transmits), isHeld), or(raises, geU(used, i32(OUTPUT_RING_BYTES - 1)))), () => {
      unlock(f, state);
      f.ret(i32(0));
    });
    const byte = f.tmp(load('i32_8u', cpu, VALUE));
    const slot = add(state, shl(and(tail, i32(FIFO_DEPTH - 1)), i32(2)));
    f.store('i32', slot, byte, UART_STATE.TX_FIFO);
    const next = f.tmp(and(add(tail, i32(1)), i32(2 * FIFO_DEPTH - 1)));
    f.store('i32', state, next, UART_STATE.TX_TAIL);
    f.store('i32', state, next, UART_STATE.TX_HEAD);
    f.store('i32', state, or(word('RIS'), i32(INT_TX)), UART_STATE.RIS);
    const place = add(ring, and(written, i32(OUTPUT_RING_BYTES - 1)));
    f.store('i32_8', place, byte, RING_HEADER_BYTES);
    f.raw(atomicCode('store', 'i32', 4, WRITTEN), ring, add(written, i32(1)));
    f.store('i32', cpu, i32(1), VCPU_CONTROL_AT + VCPU_CONTROL.SENT);
    unlock(f, state);
    f.ret(i32(1));
    f.unreachable();
  },
};
