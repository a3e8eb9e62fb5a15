/** Tells device code where things are. */
import { GIC_STATE, GICV3_STATE, VCPU_STRIDE } from '@dom0less/vgic';
import type { BoardMemory } from '../memory/board-memory.ts';
import { DOMAIN_CONTROL, PCPU_CONTROL, POOL_CONTROL, VCPU_CONTROL } from '../memory/layout.ts';
import type { PcpuDomain, PcpuPool } from '../pcpu/init.ts';

const PAGE = 4096;

/** The devices of a domain: in its control words and those of its vCPUs. */
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

/** CPU pools: in the control words of their pCPUs and of the vCPUs of their domains. */
export function linkPools(
  { words, layout }: Pick<BoardMemory, 'words' | 'layout'>,
  pools: readonly PcpuPool[],
  domains: readonly Pick<PcpuDomain, 'layout' | 'pool'>[],
): void {
  pools.forEach(({ pcpus, scheduler }, n) => {
    const pool = layout.pools[n]!;
    words[(pool + POOL_CONTROL.PLACES) >>> 2] = scheduler === 'null' ? 1 : 0;
    for (const pcpu of pcpus) {
      const at = layout.pcpuControls[pcpu]!;
      words[(at + PCPU_CONTROL.NUMBER) >>> 2] = pcpu;
      words[(at + PCPU_CONTROL.POOL) >>> 2] = pool;
    }
    let link = pool + POOL_CONTROL.FIRST;
    for (const { control } of domains.filter((domain) => domain.pool === n).flatMap((domain) => domain.layout.vcpus)) {
      words[link >>> 2] = control;
      link = control + VCPU_CONTROL.NEXT;
    }
    words[link >>> 2] = 0;
  });
}
