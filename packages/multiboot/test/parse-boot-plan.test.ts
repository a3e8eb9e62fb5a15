import { compileDts } from '@dom0less/fdt';
import { describe, expect, test } from 'vitest';
import { parseBootPlan } from '../src/index.ts';
import { BASICS, board, brief, domain, KERNEL, parseDomain } from './trees.ts';

const KERNEL_PATH = '/chosen/domU1/module@50000000';
const module = (kind: string, address: string, size = '0x1000', more = '') =>
  `module@${address} { compatible = "multiboot,${kind}", "multiboot,module"; reg = <0 0x${address} 0 ${size}>; ${more} };`;

describe('a domain', () => {
  test('that uses the defaults has no diagnostic', () => {
    const { domain: plan, diagnostics } = parseDomain('');
    expect(diagnostics).toEqual([]);
    expect(plan).toMatchObject({ valid: true, memoryKiB: 0x20000, cpus: 1, bootargs: 'console=ttyAMA0' });
  });

  test('is numbered in tree order, and named without unit address where that is distinct', () => {
    const tree = board(['domU@1', 'domU@2', 'other@7'].map((name) => `${name} { ${BASICS} ${KERNEL} };`).join(''));
    const { plan, diagnostics } = parseBootPlan(tree);
    expect(plan.domains.map(({ id, name, nodeName }) => [id, name, nodeName])).toEqual([
      [1, 'domU@1', 'domU@1'],
      [2, 'domU@2', 'domU@2'],
      [3, 'other', 'other@7'],
    ]);
    expect(plan.domains.map(({ bootargs }) => bootargs)).toEqual(Array(3).fill('console=ttyAMA0'));
    expect(diagnostics.map(({ code }) => code)).toEqual(Array(3).fill('bootargs-unit-address'));
  });

  test('that is disabled is left out and takes no number', () => {
    const parsed = parseBootPlan(
      board(`domU1 { ${BASICS} status = "disabled"; ${KERNEL} }; domU2 { ${BASICS} ${KERNEL} };`),
    );
    expect(parsed.plan.domains.map(({ id, name }) => [id, name])).toEqual([[1, 'domU2']]);
    expect(brief(parsed)).toEqual(['domain-disabled /chosen/domU1 status']);
  });

  test('outside of /chosen is reported and ignored', () => {
    const parsed = parseBootPlan(board(`domU1 { ${BASICS} ${KERNEL} };`, `/ { domU2 { ${BASICS} ${KERNEL} }; };`));
    expect(parsed.plan.domains).toHaveLength(1);
    expect(brief(parsed)).toEqual(['domain-misplaced /domU2 compatible']);
  });

  test('whose name in compatible has capitals is still one', () => {
    expect(
      parseBootPlan(board(`domU1 { ${BASICS.replace('xen,domain', 'Xen,Domain')} ${KERNEL} };`)).plan.domains,
    ).toHaveLength(1);
  });

  test('without console is remarked upon', () => {
    expect(parseDomain('/delete-property/ vpl011;').codes).toEqual(['domain-console-missing']);
    const silent = board(`domU1 { ${BASICS} ${KERNEL.replace('console=ttyAMA0', 'quiet')} };`);
    expect(brief(parseBootPlan(silent))).toEqual(['domain-console-unused /chosen/domU1']);
  });
});

describe('properties of a domain', () => {
  test('are read as the binding says', () => {
    const { domain: plan } = parseDomain(
      `nr_spis = <64>; xen,domain-p2m-mem-mb = <4>; max_grant_version = <2>; max_grant_frames = <10>;
       max_maptrack_frames = <0>; trap-unmapped-accesses = <0>; capabilities = <5>; xen,enhanced = "no-xenstore";
       passthrough = "enabled"; llc-colors = "0,4-7"; xen,sci_type = "scmi_smc"; sve = <0>;`,
    );
    expect(plan).toMatchObject({
      valid: true,
      nrSpis: 64,
      p2mMemMiB: 4,
      maxGrantVersion: 2,
      maxGrantFrames: 10,
      maxMaptrackFrames: 0,
      trapUnmappedAccesses: false,
      capabilities: { control: true, hardware: false, xenstore: true },
      enhanced: 'no-xenstore',
      passthrough: true,
      llcColors: '0,4-7',
      sciType: 'scmi_smc',
    });
    expect(plan).not.toHaveProperty('sve');
  });

  test('that the hypervisor provides are not reported as without effect', () => {
    const content = 'capabilities = <1>; xen,enhanced = "no-xenstore"; trap-unmapped-accesses = <0>;';
    expect(parseDomain(content).codes).toEqual(['domain-not-in-effect', 'domain-not-in-effect']);
    expect(parseDomain(content, { features: ['enhanced', 'capabilities'] }).codes).toEqual([]);
  });

  test.each([
    ['memory = <0 0>;', 'domain-memory-zero'],
    ['memory = <0 0x20001>;', 'domain-memory-unaligned'],
    ['memory = <0 0 0>;', 'domain-memory-length'],
    ['memory = <0x7fffffff 0>;', 'domain-memory-exceeds-map'],
    ['memory = <0 0x8000000>;', 'domain-memory-exceeds-host'],
    ['cpus = <0 1>;', 'domain-property-type'],
    ['cpus = <129>;', 'domain-cpus-range'],
    ['nr_spis = <989>;', 'domain-property-range'],
    ['nr_spis = "64";', 'domain-property-type'],
    ['nr_spis;', 'domain-property-type'],
    ['capabilities = <8>;', 'domain-property-range'],
    ['max_grant_version = <3>;', 'domain-property-range'],
    ['max_grant_frames = <0x80000000>;', 'domain-property-range'],
    ['max_maptrack_frames = <0x80000000>;', 'domain-property-range'],
    ['xen,domain-p2m-mem-mb = <0>;', 'domain-property-range'],
    ['trap-unmapped-accesses = <2>;', 'domain-property-range'],
    ['xen,enhanced = "wibble";', 'domain-property-string'],
    ['passthrough = "enable";', 'domain-property-string'],
    ['passthrough;', 'domain-property-string'],
    ['dom0less,gic-version = "3";', 'domain-property-string'],
    ['dom0less,gic-version = "V3";', 'domain-property-string'],
    ['dom0less,gic-version;', 'domain-property-string'],
    ['dom0less,gic-version = <3>;', 'domain-property-type'],
    ['dom0less,gic-version = "v2"; cpus = <9>;', 'domain-cpus-range'],
    ['xen,sci_type = <1>;', 'domain-property-type'],
    ['vpl011 = <0>;', 'domain-flag-value'],
    ['sve;', 'domain-sve-unsupported'],
    ['sve = <100>;', 'domain-property-type'],
    ['llc-colors = "0-";', 'domain-property-type'],
    ['v8r_el1_msa = "mpu";', 'domain-v8r'],
    ['bootargs = "quiet";', 'bootargs-on-domain'],
    ['cpu = <1>;', 'property-unknown'],
    ['domain-cpupool = <77>;', 'domain-cpupool-invalid'],
    ['domain-cpupool = <1>;', 'domain-cpupool-invalid'],
    ['capabilities = <2>; nr_spis = <32>;', 'domain-nr-spis-hardware'],
    ['capabilities = <2>; passthrough = "enabled";', 'domain-hardware-passthrough'],
    ['max_grant_frames = <10>;', 'domain-not-in-effect'],
    ['xen,domain-p2m-mem-mb = <4>;', 'domain-not-in-effect'],
    ['llc-colors = "0";', 'domain-not-in-effect'],
    ['xen,static-mem = <0 0x60000000 0 0x4000000>;', 'domain-static-mem-sum'],
    ['xen,static-mem = <0 0x60000000 0>;', 'domain-static-mem-length'],
    ['xen,static-mem = <0 0x60000800 0 0x8000000>;', 'domain-static-mem-unaligned'],
    ['xen,static-mem = <0 0x50800000 0 0x8000000>;', 'domain-static-mem-overlap'],
    ['xen,static-mem = <0 0xbf000000 0 0x8000000>;', 'domain-static-mem-outside'],
    ['vcpu { compatible = "xen,vcpu"; id = <0>; status = "disabled"; };', 'child-disabled'],
    ['channel { compatible = "xen,evtchn"; };', 'domain-not-in-effect'],
    ['thing { compatible = "xen,vpcu"; };', 'child-unknown'],
  ])('%s is reported as %s', (content, code) => {
    const { codes, diagnostics } = parseDomain(content);
    expect(codes).toContain(code);
    for (const { message, remedy } of diagnostics) expect(message + remedy).not.toMatch(/[{}]|undefined|NaN/);
  });

  test("choose the version of the virtual GIC, which else is the host's, and with it how many vCPUs there may be", () => {
    const gicV2 = 'gic: intc@8000000 { compatible = "arm,gic-400"; };';
    const onV2 = (content: string) =>
      parseBootPlan(board(`domU1 { ${BASICS} ${KERNEL} };`, `/ { ${gicV2} chosen { domU1 { ${content} }; }; };`));
    expect(parseDomain('').domain.gicVersion).toBe(3);
    expect(onV2('').plan.domains[0]!.gicVersion).toBe(2);
    const v3 = onV2('dom0less,gic-version = "v3"; cpus = <128>;');
    expect(v3.plan.domains[0]).toMatchObject({ valid: true, gicVersion: 3, cpus: 128 });
    const v2 = parseDomain('dom0less,gic-version = "v2"; cpus = <8>;').domain;
    expect(v2).toMatchObject({ valid: true, gicVersion: 2, cpus: 8 });
    const remedyOf = (cpus: number) =>
      onV2(`cpus = <${cpus}>;`).diagnostics.find(({ code }) => code === 'domain-cpus-range')!.remedy;
    expect(remedyOf(9)).toMatch(/1 to 8, or add dom0less,gic-version = "v3"/);
    expect(remedyOf(129)).toMatch(/1 to 8$/);
    expect(parseDomain('gic-version = "v2";').diagnostics[0]!.message).toMatch(/did you mean dom0less,gic-version\?/);
  });

  test('misspelt get the nearest known name', () => {
    const hint = (content: string) => parseDomain(content).diagnostics[0]!.message;
    expect(hint('vpl0011;')).toMatch(/did you mean vpl011\?/);
    expect(hint('address-cells = <2>;')).toMatch(/did you mean #address-cells\?/);
    expect(hint('enhanced = "enabled";')).toMatch(/did you mean xen,enhanced\?/);
    expect(hint('xen,enhanced = "no-xenstroe";')).toMatch(/did you mean no-xenstore\?/);
    const typo = module('ramdisk', '60000000').replace('multiboot,ramdisk', 'multiboot,ramdsik');
    expect(hint(typo)).toMatch(/did you mean multiboot,ramdisk\?/);
    expect(hint('frobnicate;')).not.toMatch(/did you mean/);
    expect(hint('memory = <0 0x8000000>;')).toMatch(/did you mean 131072 KiB/);
  });

  test('that count by their presence may have the value 1', () => {
    const { domain: plan, codes } = parseDomain('vpl011 = <1>;');
    expect([plan.vpl011, codes]).toEqual([true, []]);
    expect(parseDomain('vpl011 = <0>;').domain.vpl011).toBe(true);
  });

  test('refer to a CPU pool by phandle', () => {
    const pool = 'pool { compatible = "xen,cpupool"; cpupool-cpus = <&{/cpus/cpu@0}>; phandle = <9>; };';
    const parsed = parseBootPlan(board(`${pool} domU1 { ${BASICS} domain-cpupool = <9>; ${KERNEL} };`));
    expect(brief(parsed)).toEqual([]);
    expect(parsed.plan.domains[0]!.cpupool).toBe(0);
    expect(parsed.plan.cpupools).toEqual([{ id: 0, path: '/chosen/pool', scheduler: 'credit2', pcpus: [0] }]);
  });

  test('give one domain the hardware and one the xenstore capability', () => {
    const two = ['domU1', 'domU2'].map((name) => `${name} { ${BASICS} capabilities = <4>; ${KERNEL} };`).join('');
    const parsed = parseBootPlan(board(two), { features: ['capabilities'] });
    expect(brief(parsed)).toEqual(['domain-capability-twice /chosen/domU2 capabilities']);
    expect(parsed.plan.domains.map(({ valid }) => valid)).toEqual([true, false]);
  });

  test('ask for xenstore where a domain provides it', () => {
    const tree = board(
      `domU1 { ${BASICS} capabilities = <4>; ${KERNEL} }; domU2 { ${BASICS} xen,enhanced; ${KERNEL} };`,
    );
    const { plan, diagnostics } = parseBootPlan(tree, { features: ['capabilities', 'enhanced'] });
    expect(diagnostics).toEqual([]);
    expect(plan.domains[1]!.enhanced).toBe('enabled');
  });

  test('memory of all domains counts together, in tree order', () => {
    const big = BASICS.replace('0x20000', '0x140000');
    const parsed = parseBootPlan(board(`a { ${big} ${KERNEL} }; b { ${big} ${KERNEL} }; c { ${BASICS} ${KERNEL} };`));
    expect(brief(parsed)).toEqual(['domain-memory-exceeds-host /chosen/b memory']);
    expect(parsed.plan.domains.map(({ valid }) => valid)).toEqual([true, false, true]);
  });
});

describe('cells', () => {
  test('that are absent are inherited from /chosen, then from the root', () => {
    const bare = BASICS.replace('#address-cells = <2>; #size-cells = <2>;', '');
    const short = KERNEL.replace('<0 0x50000000 0 0x1000000>', '<0x50000000 0x1000000>');
    const parsed = parseBootPlan(board(`#address-cells = <1>; #size-cells = <1>; domU1 { ${bare} ${short} };`));
    expect(brief(parsed)).toEqual(['cells-inherited /chosen/domU1']);
    expect(parsed.plan.domains[0]!.modules.kernel).toMatchObject({ address: 0x50000000, size: 0x1000000 });
    const fromRoot = parseBootPlan(board(`domU1 { ${bare} ${KERNEL} };`));
    expect(fromRoot.diagnostics[0]!.message).toMatch(/2 address and 2 size cells from \/$/);
    expect(fromRoot.plan.domains[0]!.valid).toBe(true);
  });

  test('that are too few show what was read', () => {
    const { diagnostics } = parseDomain('#address-cells = <1>;');
    expect(diagnostics.map(({ code }) => code)).toContain('reg-extra');
    expect(diagnostics[0]!.message).toMatch(
      /address 0x0, size 0x5000000000000000; with 2 and 2 cells it is address 0x50000000, size 0x1000000$/,
    );
  });

  test('that are too many make reg too short', () => {
    expect(
      parseDomain(module('ramdisk', '60000000').replace('<0 0x60000000 0 0x1000>', '<0x60000000 0x1000>')).codes,
    ).toEqual(['reg-too-short']);
  });

  test('that are no usable number are reported at the node that has them', () => {
    for (const value of ['<3>', '<0>', '<1 1>', '"x"']) {
      const parsed = parseBootPlan(domain(`#address-cells = ${value};`));
      expect(brief(parsed)).toContain('cells-unsupported /chosen/domU1 #address-cells');
      expect(parsed.plan.domains[0]!.valid).toBe(false);
    }
  });

  test('of further pairs in reg are not used', () => {
    const ramdisk = module('ramdisk', '60000000').replace('0x1000>', '0x1000 0 0x70000000 0 0x1000>');
    const { domain: plan, codes } = parseDomain(ramdisk);
    expect(codes).toEqual(['reg-extra']);
    expect(plan.modules.ramdisk).toMatchObject({ address: 0x60000000, size: 0x1000 });
  });
});

describe('modules', () => {
  test('of each kind find their place', () => {
    const content = module('ramdisk', '60000000') + module('device-tree', '61000000');
    const { domain: plan } = parseDomain(content, { features: ['capabilities'] });
    expect(plan).toMatchObject({
      passthrough: true,
      modules: { ramdisk: { kind: 'ramdisk', address: 0x60000000 }, deviceTree: { address: 0x61000000 } },
    });
  });

  test.each([
    [module('ramdisk', '60000000').replace('module@60000000', 'module@6000000'), ['unit-address-mismatch']],
    [module('ramdisk', '60000000', '0x1000', 'status = "disabled";'), ['module-disabled']],
    [module('ramdisk', '60000000', '0x1000', 'bootargs = "x";'), ['bootargs-on-other-module']],
    [module('ramdisk', '60000000', '0x1000', 'bootargs = <1>;'), ['bootargs-invalid']],
    [module('ramdisk', '60000000', '0'), ['module-empty']],
    [module('ramdisk', '60000000', '0x1000', 'bootarg = "x";'), ['property-unknown']],
    [module('ramdisk', '60000000', '0x1000', 'xen,uefi-binary = "rd";'), ['module-uefi-binary']],
    [module('ramdisk', '60000000') + module('ramdisk', '62000000'), ['module-duplicate']],
    [module('microcode', '60000000'), ['module-untyped']],
    [module('ramdisk', '60000000').replace(', "multiboot,module"', ''), ['module-generic-missing']],
    [module('ramdisk', '60000000').replace('"multiboot,ramdisk", ', ''), ['module-untyped']],
    [module('ramdisk', '60000000').replace('multiboot,ramdisk', 'xen,linux-initrd'), ['module-legacy']],
    [module('ramdisk', '60000000').replace('multiboot,ramdisk', 'Multiboot,Ramdisk'), ['compatible-case']],
    [module('ramdisk', '60000000').replace('multiboot,ramdisk', 'multiboot,ramdsik'), ['module-untyped']],
    [`passthrough = "disabled"; ${module('device-tree', '60000000')}`, ['domain-passthrough-contradiction']],
    [module('ramdisk', '60000000').replace('<0 0x60000000', '<0xffff0000 0x60000000'), ['reg-out-of-range']],
    [module('ramdisk', 'bffff000', '0x2000'), ['module-outside-memory']],
  ])('%s is reported', (content, expected) => {
    expect(parseDomain(content).codes).toEqual(expected);
  });

  test('the last of several kernels is used, and its bootargs', () => {
    const { domain: plan, diagnostics } = parseDomain(module('kernel', '60000000', '0x1000', 'bootargs = "first";'));
    expect(plan.modules.kernel!.address).toBe(0x50000000);
    expect(plan.bootargs).toBe('console=ttyAMA0');
    expect(diagnostics).toMatchObject([{ code: 'module-duplicate', path: KERNEL_PATH }]);
  });

  test('the command line of the kernel counts, wherever other modules stand', () => {
    const first = module('ramdisk', '60000000', '0x1000', 'bootargs = "of the ramdisk";');
    expect(parseDomain(first).domain.bootargs).toBe('console=ttyAMA0');
  });

  test('a command line may have 1023 characters', () => {
    const withLine = (length: number) =>
      parseBootPlan(board(`domU1 { ${BASICS} ${KERNEL.replace('ttyAMA0', `ttyAMA0 ${'x'.repeat(length - 16)}`)} };`));
    expect(brief(withLine(1023))).toEqual([]);
    expect(brief(withLine(1024))).toEqual([`bootargs-too-long ${KERNEL_PATH} bootargs`]);
  });

  test('may share an image between domains, silently', () => {
    const parsed = parseBootPlan(board(`a { ${BASICS} ${KERNEL} }; b { ${BASICS} ${KERNEL} };`));
    expect(brief(parsed)).toEqual([]);
  });

  test('that share an image with different sizes get a warning', () => {
    const larger = KERNEL.replace('0x1000000>', '0x1800000>');
    const parsed = parseBootPlan(board(`a { ${BASICS} ${KERNEL} }; b { ${BASICS} ${larger} };`));
    expect(brief(parsed)).toEqual(['module-size-differs /chosen/b/module@50000000 reg']);
  });

  test('may not lie in reserved memory, but in a reservation made for them', () => {
    const reserved =
      '/ { reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges; fw@50800000 { reg = <0 0x50800000 0 0x1000>; }; }; };';
    expect(brief(parseBootPlan(board(`domU1 { ${BASICS} ${KERNEL} };`, reserved)))).toEqual([
      `module-overlaps-reserved ${KERNEL_PATH} reg`,
    ]);
    const reserving = (address: bigint, size: bigint) => {
      const tree = domain('');
      tree.reservations.push({ address, size });
      return brief(parseBootPlan(tree));
    };
    expect(reserving(0x50000000n, 0x1000000n)).toEqual([`module-in-memreserve ${KERNEL_PATH} reg`]);
    expect(reserving(0x50fff000n, 0x2000n)).toEqual([`module-overlaps-reserved ${KERNEL_PATH} reg`]);
    expect(reserving(0x51000000n, 0x1000n)).toEqual([]);
  });

  test('in great number get a remark, counting shared ones once', () => {
    const one = (i: number) =>
      `d${i} { ${BASICS} ${KERNEL} ${module('ramdisk', (0x60000000 + i * 0x10000).toString(16))} };`;
    const codes = (count: number) =>
      parseBootPlan(board(Array.from({ length: count }, (_, i) => one(i)).join(''))).diagnostics.map(
        ({ code }) => code,
      );
    expect(codes(29)).not.toContain('modules-too-many');
    expect(codes(30)).toContain('modules-too-many');
  });
});

describe('the board', () => {
  test('may describe dom0, by any of the names of its modules', () => {
    const kernel =
      'k@60000000 { compatible = "xen,linux-zimage", "xen,multiboot-module"; reg = <0 0x60000000 0 0x1000>; bootargs = "zero"; };';
    const initrd = 'linux,initrd-start = <0x61000000>; linux,initrd-end = <0 0x61001000>;';
    const parsed = parseBootPlan(
      board(`bootargs = "sync_console"; ${initrd} ${kernel} domU1 { ${BASICS} ${KERNEL} };`),
    );
    expect(brief(parsed)).toEqual(['dom0-described /chosen']);
    expect(parsed.plan.dom0).toMatchObject({
      present: true,
      bootargs: 'zero',
      modules: [
        { kind: 'kernel', address: 0x60000000 },
        { kind: 'ramdisk', address: 0x61000000, size: 0x1000 },
      ],
    });
    expect(parsed.plan.xenCommandLine).toBe('sync_console');
  });

  test('guesses the kind of dom0 modules by their position', () => {
    const untyped = (address: string) =>
      `m@${address} { compatible = "multiboot,module"; reg = <0 0x${address} 0 0x1000>; };`;
    const { plan } = parseBootPlan(board(['60000000', '61000000', '62000000'].map(untyped).join('')));
    expect(plan.dom0.modules.map(({ kind }) => kind)).toEqual(['kernel', 'ramdisk', 'unknown']);
  });

  test('tells a domain that forgot its compatible', () => {
    const parsed = parseBootPlan(board(`domU1 { ${BASICS.replace('compatible = "xen,domain";', '')} ${KERNEL} };`));
    expect(brief(parsed)).toEqual([
      'container-like-domain /chosen/domU1 compatible',
      'dom0-described /chosen',
      'domains-missing /chosen',
    ]);
  });

  test.each([
    ['xen,xen-bootargs = "a"; bootargs = "b";', 'a', 'b'],
    ['xen,dom0-bootargs = "a"; bootargs = "b";', 'b', 'a'],
    ['bootargs = "b";', undefined, 'b'],
    ['', undefined, ''],
  ])('with %s gives Xen and dom0 their command lines', (content, xen, dom0) => {
    const { plan } = parseBootPlan(board(content));
    expect([plan.xenCommandLine, plan.dom0.bootargs]).toEqual([xen, dom0]);
  });

  test.each([
    ['linux,initrd-start = <0x61000000>; linux,initrd-end = <0x60000000>;', 'host-property-invalid'],
    ['linux,initrd-start = <1 2 3>; linux,initrd-end = <0x60000000>;', 'host-property-invalid'],
    ['xen,uefi-cfg-load;', 'uefi-config-ignored'],
  ])('with %s in /chosen is reported', (content, code) => {
    expect(parseBootPlan(board(content)).diagnostics.map((one) => one.code)).toContain(code);
  });

  test('that says nothing is reported as a whole', () => {
    const parsed = parseBootPlan(compileDts('/dts-v1/; / { };'));
    expect(brief(parsed)).toEqual(['gic-missing /', 'cpus-missing /', 'host-memory-missing /', 'chosen-missing /']);
    expect(parsed.plan.domains).toEqual([]);
  });

  test('has the banks of all its memory nodes, and the timer frequency', () => {
    const more = `/ { memory@100000000 { device_type = "memory"; reg = <1 0 0 0x1000 2 0 0 0 3 0 0 0x2000>; };
      memory@9 { reg = <0 0 0 0>; }; timer { compatible = "arm,armv8-timer"; clock-frequency = <62500000>; }; };`;
    const { plan, diagnostics } = parseBootPlan(board('', more));
    expect(plan.host.memory.map(({ start, size }) => [start, size])).toEqual([
      [0x40000000, 0x80000000],
      [0x100000000, 0x1000],
      [0x300000000, 0x2000],
    ]);
    expect(plan.host.timerClockFrequency).toBe(62500000);
    expect(diagnostics.map(({ code }) => code)).toContain('memory-node-type');
  });

  test('has reserved regions that may not overlap', () => {
    const more = `/ { reserved-memory { #address-cells = <2>; #size-cells = <2>;
      a@70000000 { reg = <0 0x70000000 0 0x2000>; }; b@70001000 { reg = <0 0x70001000 0 0x2000>; }; }; };`;
    const parsed = parseBootPlan(board(`domU1 { ${BASICS} ${KERNEL} };`, more));
    expect(brief(parsed)).toEqual(['reserved-overlap /reserved-memory/b@70001000']);
    expect(parsed.plan.host.reserved).toHaveLength(2);
    expect(parsed.plan.domains[0]!.valid).toBe(true);
  });

  test('counts interrupt lines from the highest SPI in use', () => {
    const device = (spi: number) => `/ { uart { interrupts = <0 ${spi} 4  1 500 4>; }; };`;
    const lines = (spi: number) => parseBootPlan(board('', device(spi))).plan.host.gic!.interruptLines;
    expect([lines(0), lines(31), lines(32), lines(5000)]).toEqual([64, 64, 96, 32]);
  });
});
