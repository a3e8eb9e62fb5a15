import { stateBytes, VGicV2 } from '@dom0less/vgic';

const vcpus = 1;
export const irqs: boolean[] = [];
export const gic = new VGicV2({
  buffer: new SharedArrayBuffer(stateBytes({ vcpus })),
  byteOffset: 0,
  vcpus,
  nrSpis: 32,
  onIrq: (_vcpu, level) => irqs.push(level),
});
gic.reset();
gic.distributor.write(0x000, 4, 1, 0); // GICD_CTLR: enable
gic.distributor.write(0x100, 4, 1 << 27, 0); // GICD_ISENABLER0: the virtual timer
gic.cpuInterface.write(0x000, 4, 1, 0); // GICC_CTLR: enable
gic.cpuInterface.write(0x004, 4, 0xf0, 0); // GICC_PMR
gic.setPpi(0, 27, true); // onIrq(0, true)
export const intid = gic.cpuInterface.read(0x00c, 4, 0); // GICC_IAR: 27, onIrq(0, false)
gic.setPpi(0, 27, false);
gic.cpuInterface.write(0x010, 4, intid, 0); // GICC_EOIR
