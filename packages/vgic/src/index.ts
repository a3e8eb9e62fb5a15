export { VGicError, type VGicErrorCode } from './errors.ts';
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
export { type AccessSize, type GicFrame, type InvalidAccess, VGicV2, type VGicV2Options } from './vgic-v2.ts';
