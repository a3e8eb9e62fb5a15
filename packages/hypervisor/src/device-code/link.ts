/** Tells device code where the devices of a domain are. */
import { GIC_STATE, GICV3_STATE, VCPU_STRIDE } from '@dom0less/vgic';
import type { BoardMemory } from '../memory/board-memory.ts';
import { DOMAIN_CONTROL, VCPU_CONTROL } from '../memory/layout.ts';
import type { PcpuDomain } from '../pcpu/init.ts';

const PAGE = 4096;

/** Puts it into the control words of the domain and of its vCPUs. */
export function linkDevices(
  { words }: Pick<BoardMemory, 'words'>,
  { layout, gicVersion, map, console }: Pick<PcpuDomain, 'layout' | 'gicVersion' | 'map' | 'console'>,
): void {
  const set = (at: number, value: number): void => {
    words[at >>> 2] = value;
  };
  set(layout.control + DOMAIN_CONTROL.GIC, layout.gic);
  set(layout.control + DOMAIN_CONTROL.GICC_PAGE, gicVersion === 2 ? map.gicc / PAGE : 0);
  set(layout.control + DOMAIN_CONTROL.UART, layout.uart);
  set(layout.control + DOMAIN_CONTROL.UART_PAGE, console ? map.uart / PAGE : 0);
  set(layout.control + DOMAIN_CONTROL.OUTPUT, layout.output);
  const first = layout.gic + (gicVersion === 3 ? GICV3_STATE.VCPUS : GIC_STATE.VCPUS);
  layout.vcpus.forEach(({ control }, index) => {
    set(control + VCPU_CONTROL.GIC, first + index * VCPU_STRIDE);
    set(control + VCPU_CONTROL.DOMAIN, layout.control);
  });
}
