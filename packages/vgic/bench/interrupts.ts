/**
 * Benchmark: nanoseconds of a virtual GIC per interrupt: a level-sensitive line rises, is acknowledged, falls, and is
 * ended, as a timer's interrupt does. And what a write of the priority mask costs. Best of five runs.
 */
import { ICC, stateBytes, stateBytesV3, VGicV2, VGicV3 } from '../src/index.ts';

const ROUNDS = 300_000;
const RUNS = 5;
const TIMER = 27;
const SPI = 32;
const onIrq = (): void => {};

interface Path {
  readonly name: string;
  run(): void;
}

/** A GIC with everything enabled at one priority, and the work of one interrupt on it. */
function v2(vcpus: number): Path[] {
  const gic = new VGicV2({
    buffer: new SharedArrayBuffer(stateBytes({ vcpus })),
    byteOffset: 0,
    vcpus,
    nrSpis: 64,
    onIrq,
  });
  gic.reset();
  const { distributor, cpuInterface } = gic;
  distributor.write(0x000, 4, 1, 0);
  for (const offset of [0x100, 0x104]) distributor.write(offset, 4, 0xffffffff, 0);
  distributor.write(0x820, 4, 0x01010101, 0);
  cpuInterface.write(0x000, 4, 1, 0);
  cpuInterface.write(0x004, 4, 0xf0, 0);
  const acknowledge = (): number => cpuInterface.read(0x00c, 4, 0);
  const end = (intid: number): void => cpuInterface.write(0x010, 4, intid, 0);
  const sgi = (): void => distributor.write(0xf00, 4, (2 << 24) | 1, 0);
  return paths(`GICv2, ${vcpus} vCPUs`, gic, { acknowledge, end, sgi });
}

function v3(vcpus: number): Path[] {
  const gic = new VGicV3({
    buffer: new SharedArrayBuffer(stateBytesV3({ vcpus })),
    byteOffset: 0,
    vcpus,
    nrSpis: 64,
    onIrq,
  });
  gic.reset();
  gic.distributor.write(0x000, 4, 2, 0);
  gic.distributor.write(0x104, 4, 0xffffffff, 0);
  gic.redistributors.write(0x10100, 4, 0xffffffff, 0);
  gic.writeIcc(ICC.ICC_PMR_EL1, 0xf0, 0, 0);
  gic.writeIcc(ICC.ICC_IGRPEN1_EL1, 1, 0, 0);
  const acknowledge = (): number => gic.readIcc(ICC.ICC_IAR1_EL1, 0);
  const end = (intid: number): void => gic.writeIcc(ICC.ICC_EOIR1_EL1, intid, 0, 0);
  const mask: Path = {
    name: `GICv3, ${vcpus} vCPUs: priority mask set and taken back`,
    run: () => {
      gic.writeIcc(ICC.ICC_PMR_EL1, 0x60, 0, 0);
      gic.writeIcc(ICC.ICC_PMR_EL1, 0xf0, 0, 0);
    },
  };
  const sgi = (): void => gic.writeIcc(ICC.ICC_SGI1R_EL1, (2 << 24) | 1, 0, 0);
  return [...paths(`GICv3, ${vcpus} vCPUs`, gic, { acknowledge, end, sgi }), mask];
}

/** What the guest does, vCPU 0 of it. */
interface Guest {
  acknowledge(): number;
  end(intid: number): void;
  /** An SGI to itself. */
  sgi(): void;
}

/** The three kinds of interrupt, from its source to its end. */
function paths(name: string, gic: VGicV2 | VGicV3, { acknowledge, end, sgi }: Guest): Path[] {
  const level = (set: (on: boolean) => void) => (): void => {
    set(true);
    const intid = acknowledge();
    set(false);
    end(intid);
  };
  return [
    { name: `${name}: PPI`, run: level((on) => gic.setPpi(0, TIMER, on)) },
    { name: `${name}: SPI`, run: level((on) => gic.setSpi(SPI, on)) },
    {
      name: `${name}: SGI`,
      run: () => {
        sgi();
        end(acknowledge());
      },
    },
  ];
}

function nanoseconds(path: Path): number {
  let best = Infinity;
  for (let n = 0; n < RUNS; n++) {
    const start = process.hrtime.bigint();
    for (let i = 0; i < ROUNDS; i++) path.run();
    best = Math.min(best, Number(process.hrtime.bigint() - start) / ROUNDS);
  }
  return best;
}

for (const path of [...v2(1), ...v2(8), ...v3(1), ...v3(128)]) {
  process.stdout.write(`${path.name.padEnd(60)} ${nanoseconds(path).toFixed(0).padStart(6)} ns\n`);
}
