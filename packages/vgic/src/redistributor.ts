import { groupRegister, IIDR, PIDR2 } from './distributor-v3.ts';
import { GICR_WAKER_ProcessorSleep, type GicCoreV3, WAKER } from './gic-core-v3.ts';
import { interruptRegisters } from './interrupt-registers.ts';
import { vcpuAffinity } from './layout-v3.ts';
import { constant, type GicFrame, type InvalidAccess, type Register, RegisterTable } from './register-frame.ts';

/** The second frame of a redistributor, SGI_base. */
const SGI_BASE = 0x10000;
/** Two frames of 64 KiB for each vCPU. */
export const REDISTRIBUTOR_SIZE = 0x20000;

const GICR_TYPER_Last = 1 << 4;
const GICR_WAKER_ChildrenAsleep = 1 << 2;

const at =
  (base: number) =>
  (register: Register<GicCoreV3>): Register<GicCoreV3> => ({ ...register, offset: base + register.offset });

/**
 * IHI 0069, GICR_*: RD_base and SGI_base. GICR_CTLR and GICR_STATUSR read as zero: no LPIs, no write is
 * ever in progress, all vCPUs take part in 1 of N.
 */
const REDISTRIBUTOR = new RegisterTable<GicCoreV3>(REDISTRIBUTOR_SIZE, [
  constant('GICR_IIDR', 0x0004, IIDR),
  {
    name: 'GICR_TYPER',
    offset: 0x0008,
    count: 2,
    doubleword: true,
    read: (gic, half, vcpu) =>
      half === 1 ? vcpuAffinity(vcpu) : (vcpu << 8) | (vcpu === gic.vcpus - 1 ? GICR_TYPER_Last : 0),
  },
  {
    name: 'GICR_WAKER',
    offset: 0x0014,
    count: 1,
    read: (gic, _n, vcpu) => {
      const waker = gic.words[gic.vcpu(vcpu) + WAKER]!;
      return waker === 0 ? 0 : waker | GICR_WAKER_ChildrenAsleep;
    },
    write: (gic, _n, value, vcpu) => gic.setParticipation(vcpu, WAKER, value & GICR_WAKER_ProcessorSleep),
  },
  constant('GICR_PIDR2', 0xffe8, PIDR2),
  ...[
    groupRegister('GICR', 0, 1),
    ...interruptRegisters({ prefix: 'GICR', first: 0, count: 1, firstConfigurable: 1 }),
    constant<GicCoreV3>('GICR_PIDR2 (SGI_base)', 0xffe8, PIDR2),
  ].map(at(SGI_BASE)),
]);

/** The redistributors of all vCPUs one after another; which one is meant is in the offset, not in who accesses. */
export function redistributorFrame(gic: GicCoreV3, invalid: (access: InvalidAccess) => void): GicFrame {
  const size = gic.vcpus * REDISTRIBUTOR_SIZE;
  const isAccess = (offset: number, width: number): boolean =>
    offset >= 0 && offset < size && REDISTRIBUTOR.isAccess(offset % REDISTRIBUTOR_SIZE, width);
  return {
    size,
    read(offset, width, vcpu) {
      gic.checkVcpu(vcpu);
      if (isAccess(offset, width)) {
        const owner = Math.trunc(offset / REDISTRIBUTOR_SIZE);
        return REDISTRIBUTOR.read(gic, offset % REDISTRIBUTOR_SIZE, width, owner) >>> 0;
      }
      invalid({ frame: 'redistributor', vcpu, offset, size: width });
      return 0;
    },
    write(offset, width, value, vcpu) {
      gic.checkVcpu(vcpu);
      if (isAccess(offset, width)) {
        const owner = Math.trunc(offset / REDISTRIBUTOR_SIZE);
        REDISTRIBUTOR.write(gic, offset % REDISTRIBUTOR_SIZE, width, value, owner);
      } else {
        invalid({ frame: 'redistributor', vcpu, offset, size: width, value });
      }
    },
    isDoubleword: (offset) => offset < size && REDISTRIBUTOR.isDoubleword(offset % REDISTRIBUTOR_SIZE),
  };
}
