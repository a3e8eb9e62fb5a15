import { describe, expect, it } from 'vitest';
import { A, Bench, boardOf, type GuestSpec, hvcCall, image, print, systemOff } from './board.ts';

const off: GuestSpec = { kernel: image([...print('ran\n'), ...systemOff()]) };
const forever: GuestSpec = { kernel: image([A.b(0)]) };
const codes = (diagnostics: readonly { code: string }[]): string[] => diagnostics.map(({ code }) => code);

/** Starts vCPU `vcpu` at the label behind `skip` bytes of code. */
const cpuOn = (vcpu: number, skip: number): number[] => [
  ...[A.movz(1, vcpu), A.adr(2, skip + 20), A.movz(3, vcpu + 0x30)],
  ...[A.movz(0, 0xc400, 16), A.movk(0, 3), A.hvc()],
];

describe('a board with several pCPUs', () => {
  it('runs a domain on each, and ends when all have ended', () => {
    const bench = new Bench([off, off, off], { pcpus: 2 });
    expect(bench.board.pcpus).toBe(2);
    expect(bench.run()).toBe('done');
    expect([1, 2, 3].map((id) => bench.output(id))).toEqual(['ran\n', 'ran\n', 'ran\n']);
  });

  it('has as many as asked for, else as many as the host and no more than there are vCPUs', () => {
    const pcpus = (options: object): number => boardOf([off, { ...off, cpus: 2 }], options).board!.pcpus;
    expect([{}, { hostCpus: 2 }, { hostCpus: 8 }, { pcpus: 5, hostCpus: 2 }].map(pcpus)).toEqual([1, 2, 3, 5]);
    const bench = boardOf([off], { hostCpus: 8 }, { chosen: 'xen,xen-bootargs = "maxcpus=1";' });
    expect(bench.board!.pcpus).toBe(1);
  });

  it('tells an ended domain once, wherever its vCPUs run', () => {
    // vCPU 1 powers off while vCPU 0 runs on another pCPU.
    const code = [...cpuOn(1, 4), A.b(0), ...print('x'), ...systemOff()];
    const bench = new Bench([{ kernel: image(code), cpus: 2 }], { pcpus: 2 });
    expect(bench.run()).toBe('done');
    expect(bench.output()).toBe('x');
    const ends = bench.events.filter((event) => event.type === 'domain' && event.state === 'poweroff');
    expect(ends).toHaveLength(1);
  });

  it('ends a domain that takes its vCPUs offline one by one', () => {
    const cpuOff = hvcCall(0x84000002);
    const code = [...cpuOn(1, 4 * cpuOff.length), ...cpuOff, ...cpuOff];
    const bench = new Bench([{ kernel: image(code), cpus: 2 }], { pcpus: 2 });
    expect(bench.run()).toBe('done');
    expect(bench.states()).toEqual(['crashed']);
  });
});

describe('sched=null', () => {
  const host = { chosen: 'xen,xen-bootargs = "sched=null";' };

  it('gives a pCPU to each vCPU; the rest wait, and the console says so', () => {
    const bench = new Bench([off, forever, off], { host, pcpus: 2 });
    expect(bench.log()).toContain('(XEN) Using scheduler: null Scheduler (null)');
    expect(bench.log()).toContain('(XEN) WARNING: d3v0 not assigned to any CPU!');
    expect(bench.run(() => bench.states()[2] === 'poweroff')).toBe('until');
    // It got the pCPU of domain 1, which has ended.
    expect(bench.states()).toEqual(['poweroff', 'running', 'poweroff']);
    bench.board.stop();
  });

  it('says so too of a vCPU that CPU_ON brings online', () => {
    const code = [...cpuOn(1, 4 * systemOff().length), ...systemOff(), A.b(0)];
    const bench = new Bench([{ kernel: image(code), cpus: 2 }], { host });
    expect(bench.run()).toBe('done');
    expect(bench.log()).toContain('(XEN) WARNING: d1v1 not assigned to any CPU!');
  });
});

describe('hard affinity', () => {
  const pinned = (list: string): GuestSpec => ({
    ...off,
    extra: `vcpu0 { compatible = "xen,vcpu"; id = <0>; hard-affinity = "${list}"; };`,
  });

  it('keeps vCPUs on the pCPUs that the tree names', () => {
    const bench = new Bench([pinned('1'), pinned('1')], { pcpus: 2, host: { cpus: 2 } });
    for (let n = 0; n < 20; n++) expect(bench.pcpus[0]!.step()).not.toBe('ran');
    bench.board.pump();
    expect(bench.output(1)).toBe('');
    expect(bench.run()).toBe('done');
    expect(bench.states()).toEqual(['poweroff', 'poweroff']);
  });

  it('gives the board at least the pCPUs that it names', () => {
    expect(boardOf([pinned('0-3')], { hostCpus: 2 }, { cpus: 4 }).board!.pcpus).toBe(4);
  });

  it('to pCPUs that do not exist is a defect: of the domain if there is no other, else it is said', () => {
    const { board, diagnostics } = boardOf([pinned('3'), pinned('0,3')], { pcpus: 2 }, { cpus: 4 });
    expect(codes(diagnostics)).toEqual(expect.arrayContaining(['affinity-without-pcpus', 'affinity-pcpus-missing']));
    expect(board!.domains.map(({ state }) => state)).toEqual(['failed', 'running']);
  });
});

describe('CPU pools', () => {
  const pools = 'pool1: cpupool1 { compatible = "xen,cpupool"; cpupool-cpus = <&cpu1>; cpupool-sched = "null"; };';
  const inPool = { ...off, extra: 'domain-cpupool = <&pool1>;' };

  it('keep their domains, and have schedulers of their own', () => {
    const bench = new Bench([inPool, forever, inPool], { pcpus: 2, host: { cpus: 2, chosen: pools } });
    for (let n = 0; n < 5; n++) bench.pcpus[0]!.step();
    bench.board.pump();
    expect([bench.output(1), bench.output(3)]).toEqual(['', '']);
    expect(bench.log()).toContain('(XEN) WARNING: d3v0 not assigned to any CPU!');
    expect(bench.run(() => bench.states()[0] === 'poweroff' && bench.states()[2] === 'poweroff')).toBe('until');
    bench.board.stop();
  });

  it('without a pCPU leave their domains unbuilt', () => {
    const { board, diagnostics } = boardOf([inPool, off], { pcpus: 1 }, { cpus: 2, chosen: pools });
    expect(codes(diagnostics)).toContain('cpupool-without-pcpus');
    expect(board!.domains.map(({ state }) => state)).toEqual(['failed', 'running']);
  });

  it('with a scheduler that is not there get equal shares, and a warning', () => {
    const { diagnostics } = boardOf([off], {}, { chosen: 'xen,xen-bootargs = "sched=rtds";' });
    expect(codes(diagnostics)).toContain('scheduler-replaced');
  });
});
