import { ICC, stateBytesV3, VGicV3, vcpuAffinity } from '@dom0less/vgic';

const vcpus = 32;
export const irqs: [vcpu: number, level: boolean][] = [];
export const gic = new VGicV3({
  buffer: new SharedArrayBuffer(stateBytesV3({ vcpus })),
  byteOffset: 0,
  vcpus,
  nrSpis: 32,
  onIrq: (vcpu, level) => irqs.push([vcpu, level]),
});
gic.reset();
gic.distributor.write(0x0000, 4, 2, 0); // GICD_CTLR: EnableGrp1
gic.redistributors.write(17 * 0x20000 + 0x10100, 4, 1 << 5, 17); // GICR_ISENABLER0 of vCPU 17: SGI 5
gic.writeIcc(ICC.ICC_PMR_EL1, 0xf0, 0, 17);
gic.writeIcc(ICC.ICC_IGRPEN1_EL1, 1, 0, 17);
const aff1 = vcpuAffinity(17) & 0xff00; // 0.0.1.1
gic.writeIcc(ICC.ICC_SGI1R_EL1, (5 << 24) | (aff1 << 8) | (1 << 1), 0, 0); // onIrq(17, true)
export const intid = gic.readIcc(ICC.ICC_IAR1_EL1, 17); // 5, onIrq(17, false)
gic.writeIcc(ICC.ICC_EOIR1_EL1, intid, 0, 17);
