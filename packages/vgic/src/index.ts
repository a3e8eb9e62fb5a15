export { VGicError, type VGicErrorCode } from './errors.ts';
export {
  ICC,
  ICC_REGISTERS,
  type IccAccess,
  type IccEncoding,
  type IccName,
  type IccRegister,
  iccId,
} from './icc-registers.ts';
export {
  GIC_STATE,
  IDLE_PRIORITY,
  MAX_SPIS,
  MAX_VCPUS,
  SPURIOUS,
  stateBytes,
  VCPU_STATE,
  VCPU_STRIDE,
} from './layout.ts';
export {
  GICV3_STATE,
  GICV3_VCPU_STATE,
  MAX_VCPUS_V3,
  stateBytesV3,
  vcpuAffinity,
} from './layout-v3.ts';
export type { AccessSize, GicFrame, InvalidAccess } from './register-frame.ts';
export { VGicV2, type VGicV2Options } from './vgic-v2.ts';
export { VGicV3, type VGicV3Options } from './vgic-v3.ts';
