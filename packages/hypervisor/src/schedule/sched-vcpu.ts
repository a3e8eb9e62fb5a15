/** A vCPU as schedulers see it. */
import { stateOffset } from '@dom0less/arm64-cpu';
import type { BoardMemory } from '../memory/board-memory.ts';
import { VCPU_CONTROL, VCPU_RUN, type VcpuLayout } from '../memory/layout.ts';

const INTERRUPT_LINES = stateOffset('interruptLines');
const EXIT_REQUEST = stateOffset('exitRequest');
/** How often a thread that waits for another looks by itself. */
const LOOK_AGAIN_MS = 1;
const EVENT_REGISTER = stateOffset('eventRegister');
const DAIF = stateOffset('daif');
/** PSTATE.I, F and A as the state has them, beside the bits of `interruptLines`. */
const MASKS = [
  [1, 0x80],
  [2, 0x40],
  [4, 0x100],
] as const;

/** A view of the shared words of one vCPU. Each field says who may change it: see `VCPU_CONTROL`. */
export class SchedVcpu {
  /** The domain's id and the vCPU's number in it. */
  readonly domain: number;
  readonly index: number;
  /** Memory offset of its `VCPU_CONTROL`. */
  readonly control: number;
  /** The pCPUs that it may run on; undefined: all of its pool. */
  readonly affinity: ReadonlySet<number> | undefined;
  readonly #words: Int32Array;
  readonly #doubles: Float64Array;
  /** Words of its control: where it begins, and those that are read most. */
  readonly #word: number;
  readonly #run: number;
  readonly #owner: number;
  readonly #home: number;
  readonly #double: number;
  readonly #lines: number;
  readonly #exitRequest: number;
  readonly #eventRegister: number;
  readonly #daif: number;

  constructor(
    memory: BoardMemory,
    { state, control }: VcpuLayout,
    identity: { readonly domain: number; readonly index: number; readonly affinity: readonly number[] | undefined },
  ) {
    this.domain = identity.domain;
    this.index = identity.index;
    this.control = control;
    this.affinity = identity.affinity && new Set(identity.affinity);
    this.#words = memory.words;
    this.#doubles = memory.doubles;
    this.#word = control >>> 2;
    this.#run = (control + VCPU_CONTROL.RUN) >>> 2;
    this.#owner = (control + VCPU_CONTROL.OWNER) >>> 2;
    this.#home = (control + VCPU_CONTROL.HOME) >>> 2;
    this.#double = control / 8;
    this.#lines = (state + INTERRUPT_LINES) >>> 2;
    this.#exitRequest = (state + EXIT_REQUEST) >>> 2;
    this.#eventRegister = (state + EVENT_REGISTER) >>> 2;
    this.#daif = (state + DAIF) >>> 2;
  }

  /** One of `VCPU_RUN`. */
  get run(): number {
    return Atomics.load(this.#words, this.#run);
  }

  set run(run: number) {
    Atomics.store(this.#words, this.#run, run);
  }

  /** Sleeps while `run` has this value, or some time. Never on a main thread. */
  awaitChange(run: number): void {
    Atomics.wait(this.#words, this.#run, run, LOOK_AGAIN_MS);
  }

  /** The pCPU that has it in its hands; -1 if none has. */
  get owner(): number {
    return Atomics.load(this.#words, this.#owner) - 1;
  }

  set owner(pcpu: number) {
    Atomics.store(this.#words, this.#owner, pcpu + 1);
  }

  get home(): number {
    return Atomics.load(this.#words, this.#home);
  }

  set home(pcpu: number) {
    Atomics.store(this.#words, this.#home, pcpu);
  }

  /** The pCPU that is its own; -1 if none is. */
  get place(): number {
    return this.#load(VCPU_CONTROL.PLACE) - 1;
  }

  set place(pcpu: number) {
    this.#store(VCPU_CONTROL.PLACE, pcpu + 1);
  }

  get ticket(): number {
    return this.#load(VCPU_CONTROL.TICKET);
  }

  set ticket(ticket: number) {
    this.#store(VCPU_CONTROL.TICKET, ticket);
  }

  set deadline(deadline: number) {
    this.#doubles[this.#double + VCPU_CONTROL.DEADLINE / 8] = deadline;
  }

  get runtime(): number {
    return this.#doubles[this.#double + VCPU_CONTROL.RUNTIME / 8]!;
  }

  set runtime(runtime: number) {
    this.#doubles[this.#double + VCPU_CONTROL.RUNTIME / 8] = runtime;
  }

  get eventDue(): number {
    return this.#doubles[this.#double + VCPU_CONTROL.EVENT_DUE / 8]!;
  }

  set eventDue(due: number) {
    this.#doubles[this.#double + VCPU_CONTROL.EVENT_DUE / 8] = due;
  }

  /** An interrupt waits for it, whether it is masked or not: what ends WFI. */
  get interrupted(): boolean {
    return Atomics.load(this.#words, this.#lines) !== 0;
  }

  /** It waits in WFI or WFE. */
  get sleeps(): boolean {
    const { run } = this;
    return run === VCPU_RUN.BLOCKED || run === VCPU_RUN.AWAITING;
  }

  /** Sets its event register. */
  setEvent(): void {
    Atomics.store(this.#words, this.#eventRegister, 1);
  }

  /** Whether what ends WFE is there; an event is used up by that (Arm ARM D1.6). Not while an engine runs it. */
  takeEvent(): boolean {
    const lines = Atomics.load(this.#words, this.#lines);
    const daif = this.#words[this.#daif]!;
    if (MASKS.some(([line, mask]) => (lines & line) !== 0 && (daif & mask) === 0)) return true;
    return Atomics.exchange(this.#words, this.#eventRegister, 0) !== 0;
  }

  /** It wants to run and nobody has it. */
  get waiting(): boolean {
    return this.run === VCPU_RUN.RUNNABLE && Atomics.load(this.#words, this.#owner) === 0;
  }

  /** Makes the engine that runs it, on whatever pCPU, leave it soon. */
  requestExit(): void {
    Atomics.store(this.#words, this.#exitRequest, 1);
  }

  /** Takes requests back, before it is run: what was asked for is looked at then. */
  clearExitRequest(): void {
    Atomics.store(this.#words, this.#exitRequest, 0);
  }

  mayRunOn(pcpu: number): boolean {
    return this.affinity === undefined || this.affinity.has(pcpu);
  }

  #load(field: number): number {
    return Atomics.load(this.#words, this.#word + (field >>> 2));
  }

  #store(field: number, value: number): void {
    Atomics.store(this.#words, this.#word + (field >>> 2), value);
  }
}
