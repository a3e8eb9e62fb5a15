export {
  type Access,
  type AccessType,
  ALL_PERMISSIONS,
  type Permissions,
  type PhysicalMemory,
  type Stage2Access,
} from './access.ts';
export { AT_OPERATIONS, type AtOperation, encodeParEl1, PAR_EL1_FAULT, PAR_EL1_SUCCESS } from './at.ts';
export {
  AF,
  AP_EL0,
  AP_READ_ONLY,
  APTABLE_NO_EL0,
  APTABLE_READ_ONLY,
  DESCRIPTOR,
  DESCRIPTOR_ADDRESS_MASK,
  DESCRIPTOR_TYPE,
  type DescriptorKind,
  descriptorAddress,
  descriptorKind,
  S2AP_READ,
  S2AP_WRITE,
  SH,
  STAGE1_LEAF,
  STAGE1_TABLE,
  STAGE2_LEAF,
} from './descriptor.ts';
export { MmuError, type MmuErrorCode } from './error.ts';
export {
  type DataAbortDetails,
  type DecodedDataAbort,
  dataAbortIss,
  decodeDataAbortIss,
  decodeEsr,
  ESR_EC,
  ESR_ELX,
  encodeEsr,
  type InstructionSyndrome,
  ISS_DATA_ABORT,
  ISS_INSTRUCTION_ABORT,
  instructionAbortIss,
} from './esr.ts';
export { decodeFaultStatus, encodeFaultStatus, FAULT_STATUS, type Fault, type FaultKind } from './fault.ts';
export {
  decodeFields,
  encodeFields,
  type Field,
  type FieldTable,
  type FieldValues,
  field,
  getField,
  hasField,
  setField,
} from './fields.ts';
export {
  GRANULES,
  type Granule,
  type GranuleSize,
  type Level,
  levelShift,
  levelSize,
  outputAddressBits,
  PA_RANGE_BITS,
  stage1StartLevel,
  TG0_GRANULES,
  TG1_GRANULES,
} from './granule.ts';
export {
  type Cacheability,
  type CachePolicy,
  combineAttributes,
  DEVICE_TYPES,
  type DeviceType,
  decodeMairAttr,
  decodeMemAttr,
  encodeMairAttr,
  type MemoryAttributes,
  type Shareability,
} from './memory-attributes.ts';
export {
  STAGE2_ROOTS,
  type Stage2Mapping,
  type Stage2Root,
  Stage2Tables,
  type Stage2TablesOptions,
  type TableMemory,
} from './page-table-builder.ts';
export {
  currentAsid,
  MAIR_EL1,
  mairAttr,
  SCTLR_EL1,
  SCTLR_EL1_RES1,
  TCR_EL1,
  TCR_EL1_TNSZ_MAX,
  TCR_EL1_TNSZ_MIN,
  TTBR_EL1,
} from './registers/el1.ts';
export {
  currentVmid,
  decodeHpfarEl2,
  encodeHpfarEl2,
  HCR_EL2,
  HPFAR_EL2,
  VTCR_EL2,
  VTCR_EL2_RES1,
  VTTBR_EL2,
} from './registers/el2.ts';
export { type Stage1Regime, type Stage1Translation, translateStage1 } from './stage1.ts';
export { type Stage2Regime, type Stage2Translation, translateStage2 } from './stage2.ts';
export type { Stage2Attributes, Stage2MemoryType } from './stage2-descriptor.ts';
export {
  decodeTlbiOperand,
  TLBI_OPERAND,
  TLBI_OPERATIONS,
  type TlbiOperation,
  type TlbiScope,
  type TlbiTarget,
} from './tlbi.ts';
export { type Regime, type Translation, translate } from './translate.ts';
