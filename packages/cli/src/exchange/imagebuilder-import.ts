import { type DeviceTree, type DtNode, propEmpty, propReg, propStrings, propU32, propU64 } from '@dom0less/fdt';
import type { ExchangedBoard } from './board-file.ts';
import type { Assignments } from './shell-assignments.ts';

/** What an import needs of the world. */
export interface ImportContext {
  /** Bytes of a file that the configuration names, undefined if it is not there. */
  readonly sizeOf: (file: string) => number | undefined;
  /** Path of such a file for a command line. */
  readonly pathOf: (file: string) => string;
}

/** What became of a configuration. */
export interface ImportedBoard extends ExchangedBoard {
  /** Why the board is not what it should be. */
  readonly problems: readonly string[];
  /** What was left out, or taken otherwise. */
  readonly notes: readonly string[];
}

const KIB = 2 ** 10;
const MIB = 2 ** 20;
const LOAD_ALIGN = 2 * MIB;
const MAX_DOMUS = 255;
const DEFAULT_MEMORY_MIB = 512;
const DEFAULT_COMMAND_LINE = 'console=ttyAMA0';
/** Elements of a domU that the binding has no word for, and what becomes of them. */
const WITHOUT_EFFECT: Readonly<Record<string, string>> = {
  DOMU_ROOTFS: 'disks are not part of the boot; give the domain a ramdisk',
  DOMU_PASSTHROUGH_PATHS: 'make the passthrough device tree yourself and name it in DOMU_PASSTHROUGH_DTB',
  DOMU_DRIVER_DOMAIN: 'there is no toolstack that would use it',
};
/** Numbers of a domU that become a cell. */
const CELLS: readonly (readonly [key: string, property: string])[] = [
  ['DOMU_TRAP_UNMAP', 'trap-unmapped-accesses'],
  ['DOMU_MAPTRACK_FRAMES', 'max_maptrack_frames'],
  ['DOMU_GRANT_FRAMES', 'max_grant_frames'],
  ['DOMU_GRANT_VER', 'max_grant_version'],
  ['DOMU_NR_SPIS', 'nr_spis'],
];
const CAPABILITIES: Readonly<Record<string, number>> = { none: 0, control: 1, hardware: 2, xenstore: 4, dom0: 7 };
/** What the numbers of DOMU_ENHANCED stand for. */
const ENHANCED: Readonly<Record<string, string>> = { 1: 'enabled', 2: 'no-xenstore' };
const TWO = { address: 2, size: 2 };

const words = (text: string): string[] => text.split(/\s+/).filter((word) => word !== '');
const isNumber = (text: string): boolean => /^(?:0[xX][0-9a-fA-F]{1,12}|\d{1,15})$/.test(text);

class Importer {
  readonly problems: string[] = [];
  readonly notes: string[] = [];
  readonly loads: { address: number; file: string }[] = [];
  readonly #values: ReadonlyMap<string, string>;
  readonly #context: ImportContext;
  readonly #tree: DeviceTree;
  readonly #placed = new Map<string, number>();
  readonly #read = new Set<string>();
  readonly #pools = new Map<number, number>();
  #next: number;
  readonly #end: number;
  #phandle: number;

  constructor(tree: DeviceTree, values: ReadonlyMap<string, string>, context: ImportContext) {
    this.#tree = tree;
    this.#values = values;
    this.#context = context;
    const [bank] = tree.node('/memory')?.reg() ?? [];
    this.#next = this.number('MEMORY_START', bank === undefined ? 0 : Number(bank.address));
    // Xen itself and the device tree go first.
    this.#next = Math.ceil(this.#next / LOAD_ALIGN) * LOAD_ALIGN + 16 * MIB;
    this.#end = this.number('MEMORY_END', Number.POSITIVE_INFINITY);
    this.#phandle = 1 + [...tree.root.walk()].reduce((most, node) => Math.max(most, node.phandle ?? 0), 0);
  }

  text(key: string): string | undefined {
    this.#read.add(key);
    const value = this.#values.get(key);
    return value === '' ? undefined : value;
  }

  number(key: string, fallback: number): number {
    const text = this.text(key);
    if (text === undefined) return fallback;
    if (isNumber(text)) return Number(text);
    this.problems.push(`${key}=${JSON.stringify(text)}: expected a number, decimal or with 0x`);
    return fallback;
  }

  /** Host address of a file; the same file has one. Undefined, with a problem, if it can't be had. */
  #place(key: string, file: string): { address: number; size: number } | undefined {
    const size = this.#context.sizeOf(file);
    if (size === undefined || size === 0) {
      this.problems.push(`${key}: ${file} ${size === 0 ? 'is empty' : 'is not there'}`);
      return undefined;
    }
    const known = this.#placed.get(file);
    if (known !== undefined) return { address: known, size };
    const address = this.#next;
    this.#next = Math.ceil((address + size) / LOAD_ALIGN) * LOAD_ALIGN;
    if (address + size > this.#end) this.problems.push(`${key}: ${file} ends past MEMORY_END`);
    this.#placed.set(file, address);
    this.loads.push({ address, file: this.#context.pathOf(file) });
    return { address, size };
  }

  #addModule(node: DtNode, key: string, kind: 'kernel' | 'ramdisk' | 'device-tree', bootargs?: string): void {
    const file = this.text(key);
    if (file === undefined) {
      if (kind === 'kernel') this.problems.push(`${key} is missing: the domain has no kernel`);
      return;
    }
    const placed = this.#place(key, file);
    if (placed === undefined) return;
    const module = node.addChild(`module@${placed.address.toString(16)}`);
    module.setProperty('compatible', propStrings(`multiboot,${kind}`, 'multiboot,module'));
    const reg = { address: BigInt(placed.address), size: BigInt(placed.size) };
    module.setProperty('reg', propReg([reg], TWO));
    if (bootargs !== undefined) module.setProperty('bootargs', propStrings(bootargs));
  }

  /** Cells of a text of numbers; undefined, with a problem, unless it is pairs. */
  #ranges(key: string): { address: bigint; size: bigint }[] | undefined {
    const text = this.text(key);
    if (text === undefined) return undefined;
    const all = words(text);
    if (all.length === 0 || all.length % 2 !== 0 || !all.every(isNumber)) {
      this.problems.push(`${key}=${JSON.stringify(text)}: expected addresses and sizes in turn`);
      return undefined;
    }
    return Array.from({ length: all.length / 2 }, (_, i) => ({
      address: BigInt(all[2 * i]!),
      size: BigInt(all[2 * i + 1]!),
    }));
  }

  #addStaticMemory(node: DtNode, n: number): number | undefined {
    const key = `DOMU_STATIC_MEM[${n}]`;
    const ranges = this.#ranges(key);
    if (ranges === undefined) return undefined;
    node.setProperty('xen,static-mem', propReg(ranges, TWO));
    if (this.number(`DOMU_DIRECT_MAP[${n}]`, 1) !== 0) node.setProperty('direct-map', propEmpty());
    return Number(ranges.reduce((sum, { size }) => sum + size, 0n)) / KIB;
  }

  #addSharedMemory(node: DtNode, n: number): void {
    const key = `DOMU_SHARED_MEM[${n}]`;
    const text = this.text(key);
    if (text === undefined) return;
    const [id = '', ...numbers] = words(text);
    if (numbers.length < 2 || numbers.length > 3 || !numbers.every(isNumber)) {
      this.problems.push(`${key}=${JSON.stringify(text)}: expected "ID [HOST-ADDRESS] GUEST-ADDRESS SIZE"`);
      return;
    }
    const shared = node.addChild(`shared-mem-${id.replace(/[^\w,.+-]/g, '-')}`);
    shared.setProperty('compatible', propStrings('xen,domain-shared-memory-v1'));
    shared.setProperty('xen,shm-id', propStrings(id));
    const cells = new Uint8Array(numbers.length * 8);
    numbers.forEach((number, i) => {
      new DataView(cells.buffer).setBigUint64(8 * i, BigInt(number));
    });
    shared.setProperty('xen,shared-mem', cells);
  }

  #addSwitches(node: DtNode, n: number): void {
    for (const [key, property] of CELLS) {
      if (this.text(`${key}[${n}]`) !== undefined) node.setProperty(property, propU32(this.number(`${key}[${n}]`, 0)));
    }
    const enhanced = this.text(`DOMU_ENHANCED[${n}]`);
    if (enhanced !== undefined && enhanced !== '0') {
      node.setProperty('xen,enhanced', propStrings(ENHANCED[enhanced] ?? enhanced));
    }
    const colors = this.text(`DOMU_COLORS[${n}]`);
    if (colors !== undefined) node.setProperty('llc-colors', propStrings(colors));
    const caps = this.text(`DOMU_CAPS[${n}]`);
    if (caps !== undefined) {
      const bits = isNumber(caps)
        ? Number(caps)
        : caps.split(/[\s,|]+/).reduce((all, name) => all | (CAPABILITIES[name.toLowerCase()] ?? 8), 0);
      node.setProperty('capabilities', propU32(bits));
    }
    const pool = this.text(`DOMU_CPUPOOL[${n}]`);
    const phandle = pool === undefined ? undefined : this.#pools.get(Number(pool));
    if (phandle !== undefined) node.setProperty('domain-cpupool', propU32(phandle));
    else if (pool !== undefined)
      this.problems.push(`DOMU_CPUPOOL[${n}]=${JSON.stringify(pool)}: there is no CPUPOOL[${pool}]`);
  }

  addDomain(chosen: DtNode, n: number): void {
    if (this.number(`DOMU_NOBOOT[${n}]`, 0) !== 0) {
      this.notes.push(`DOMU_NOBOOT[${n}]: the domain is not started at boot, and is left out`);
      return;
    }
    for (const [key, why] of Object.entries(WITHOUT_EFFECT)) {
      if (this.text(`${key}[${n}]`) !== undefined) this.notes.push(`${key}[${n}] is left out: ${why}`);
    }
    const node = chosen.addChild(`domU${n}`);
    node.setProperty('compatible', propStrings('xen,domain'));
    node.setProperty('#address-cells', propU32(2));
    node.setProperty('#size-cells', propU32(2));
    node.setProperty('memory', propU64(0n));
    node.setProperty('cpus', propU32(this.number(`DOMU_VCPUS[${n}]`, 1)));
    const console = this.number(`DOMU_VPL011[${n}]`, 1) !== 0;
    if (console) node.setProperty('vpl011', propEmpty());
    const fixed = this.#addStaticMemory(node, n);
    const kib = this.number(`DOMU_MEM[${n}]`, DEFAULT_MEMORY_MIB) * KIB;
    if (fixed !== undefined && fixed !== kib) {
      this.notes.push(`DOMU_MEM[${n}]: ${fixed} KiB are taken, the sum of DOMU_STATIC_MEM[${n}]`);
    }
    node.setProperty('memory', propU64(BigInt(fixed ?? kib)));
    this.#addSwitches(node, n);
    this.#addModule(
      node,
      `DOMU_KERNEL[${n}]`,
      'kernel',
      this.text(`DOMU_CMD[${n}]`) ?? (console ? DEFAULT_COMMAND_LINE : undefined),
    );
    this.#addModule(node, `DOMU_RAMDISK[${n}]`, 'ramdisk');
    this.#addModule(node, `DOMU_PASSTHROUGH_DTB[${n}]`, 'device-tree');
    this.#addSharedMemory(node, n);
  }

  #cpuPhandle(name: string): number | undefined {
    const cpu = this.#tree.node('/cpus')?.children.find((one) => one.name === name);
    if (cpu === undefined) return undefined;
    if (cpu.phandle === undefined) cpu.setProperty('phandle', propU32(this.#phandle++));
    return cpu.phandle;
  }

  addPools(chosen: DtNode): void {
    const count = Math.min(this.number('NUM_CPUPOOLS', 0), MAX_DOMUS);
    for (let n = 0; n < count; n++) {
      const key = `CPUPOOL[${n}]`;
      const [cpus = '', scheduler] = words(this.text(key) ?? '');
      const phandles = cpus.split(',').map((name) => this.#cpuPhandle(name));
      if (phandles.some((phandle) => phandle === undefined)) {
        this.problems.push(
          `${key}=${JSON.stringify(cpus)}: expected names of nodes below /cpus with commas between them`,
        );
        continue;
      }
      const node = chosen.addChild(`cpupool_${n}`);
      node.setProperty('compatible', propStrings('xen,cpupool'));
      node.setProperty('cpupool-cpus', propU32(...phandles.map((phandle) => phandle!)));
      if (scheduler !== undefined) node.setProperty('cpupool-sched', propStrings(scheduler));
      node.setProperty('phandle', propU32(this.#phandle));
      this.#pools.set(n, this.#phandle++);
    }
  }

  addHost(chosen: DtNode): void {
    chosen.setProperty('#address-cells', propU32(2));
    chosen.setProperty('#size-cells', propU32(2));
    const command = this.text('XEN_CMD');
    if (command !== undefined) chosen.setProperty('xen,xen-bootargs', propStrings(command));
    const heap = this.#ranges('XEN_STATIC_HEAP');
    if (heap !== undefined) chosen.setProperty('xen,static-heap', propReg(heap, TWO));
    const dom0 = [...this.#values].filter(([key, value]) => key.startsWith('DOM0_') && value !== '');
    for (const [key] of dom0) this.#read.add(key);
    if (dom0.length > 0)
      this.notes.push(`${dom0.map(([key]) => key).join(', ')}: there is no dom0; what is for it is left out`);
  }

  /** Elements of arrays beyond the number of domains, and names that nobody knows. */
  noteUnread(known: ReadonlySet<string>, used: ReadonlySet<string>): void {
    for (const key of this.#values.keys()) {
      if (this.#read.has(key) || used.has(key)) continue;
      const [name] = key.split('[');
      if (WITHOUT_MEANING.includes(name!)) continue;
      if (!known.has(name!)) this.notes.push(`${key} is not known, and is left out`);
      else if (key.includes('['))
        this.notes.push(`${key} is beyond ${name!.startsWith('CPU') ? 'NUM_CPUPOOLS' : 'NUM_DOMUS'}`);
    }
  }
}

/** How U-Boot loads a file: here, a file is loaded whatever it says. */
const WITHOUT_MEANING: readonly string[] = ['XEN_LOAD', 'DOM0_LOAD', 'DOMU_LOAD', 'DT_OVERLAY_LOAD'];

/** What ImageBuilder knows besides what becomes part of the board. */
const OTHER_KEYS: readonly string[] = [
  ...['DEVICE_TREE', 'XEN', 'XEN_CMD', 'XEN_COLORS', 'XEN_STATIC_HEAP', 'LOAD_CMD', 'BOOT_CMD', 'UBOOT_SOURCE'],
  ...['UBOOT_SCRIPT', 'APPEND_EXTRA_CMDS', 'FDTEDIT', 'FIT', 'FIT_ENC_KEY_DIR', 'BITSTREAM', 'BOOT_AUX_FILE'],
  ...['NUM_BOOT_AUX_FILE', 'NUM_DT_OVERLAY', 'DT_OVERLAY', 'PASSTHROUGH_DTS_REPO', 'LOPPER_PATH', 'LOPPER_CMD'],
  ...['MEMORY_START', 'MEMORY_END', 'NUM_DOMUS', 'NUM_CPUPOOLS', 'CPUPOOL', 'DOMU_KERNEL', 'DOMU_CMD', 'DOMU_RAMDISK'],
  ...['DOMU_MEM', 'DOMU_VCPUS', 'DOMU_COLORS', 'DOMU_NOBOOT', 'DOMU_STATIC_MEM', 'DOMU_DIRECT_MAP', 'DOMU_ENHANCED'],
  ...['DOMU_CPUPOOL', 'DOMU_SHARED_MEM', 'DOMU_CAPS', 'DOMU_VPL011', 'LINUX', 'LINUX_RAMDISK', 'LINUX_CMD'],
  ...['DOMU_PASSTHROUGH_DTB', ...Object.keys(WITHOUT_EFFECT)],
  ...CELLS.map(([key]) => key),
];

/**
 * Makes a board from ImageBuilder's configuration: the host tree with its domUs, and what is loaded where.
 *
 * @param tree the host's tree, which is changed
 */
export function importImageBuilder(tree: DeviceTree, config: Assignments, context: ImportContext): ImportedBoard {
  const importer = new Importer(tree, config.values, context);
  const { root } = tree;
  // The nodes that are added count on two cells.
  for (const name of ['#address-cells', '#size-cells'])
    if (root.u32(name) === undefined) root.setProperty(name, propU32(2));
  const chosen = root.children.find(({ name }) => name === 'chosen') ?? root.addChild('chosen');
  importer.addHost(chosen);
  importer.addPools(chosen);
  const count = importer.number('NUM_DOMUS', 0);
  if (count < 1 || count > MAX_DOMUS) importer.problems.push(`NUM_DOMUS is ${count}; expected 1 to ${MAX_DOMUS}`);
  else for (let n = 0; n < count; n++) importer.addDomain(chosen, n);
  if (importer.text('XEN_COLORS') !== undefined) importer.notes.push('XEN_COLORS has no effect here');
  if (importer.number('NUM_DT_OVERLAY', 0) > 0)
    importer.notes.push('DT_OVERLAY is left out: apply the overlays to DEVICE_TREE');
  importer.noteUnread(new Set(OTHER_KEYS), config.used);
  const { loads, problems, notes } = importer;
  return { tree, loads, problems: [...config.problems, ...problems], notes };
}
