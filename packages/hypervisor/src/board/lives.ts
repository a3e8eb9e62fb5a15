/** The lives of a board's domains: who starts when, and what becomes of those that end. */
import type { DomainPlan, RestartAction } from '@dom0less/multiboot';
import { unassignedLine } from '../domain/boot-log.ts';
import { rebuildDomain, scrubDomain } from '../domain/build-domain.ts';
import { OutOfBlocksError } from '../memory/board-memory.ts';
import { DOMAIN_CONTROL } from '../memory/layout.ts';
import { startFirstVcpu } from '../schedule/start-vcpus.ts';
import { type BoardEvent, DOMAIN_STATES, type DomainInfo, type DomainState } from './events.ts';
import { LineMatcher } from './line-matcher.ts';
import { isModuleReadError } from './module-bytes.ts';
import type { BuiltBoard } from './prepare.ts';

/** A life shorter than this, in seconds, may be part of a boot loop. */
const SHORT_LIFE = 2;
/** So many short lives in a row are followed by a restart at once. */
const FREE_RESTARTS = 3;
/** Delay of the next restart in ms; each further short life doubles it, up to the longest. */
const FIRST_DELAY = 125;
const LONGEST_DELAY = 30_000;

interface Life {
  readonly domain: DomainPlan;
  /** Index among the domains that were built; -1 if it is not among them. */
  readonly built: number;
  state: DomainState;
  reason: string;
  restarts: number;
  /** Short lives in a row. */
  short: number;
  /** The system counter when it was started last. */
  startedAt: number;
  restarting: boolean;
}

/** What a life is told with. */
export interface LifeHost {
  emit(event: BoardEvent): void;
  /** Calls back in `ms` milliseconds. */
  after(ms: number, callback: () => void): void;
}

/** Has the board's main thread start domains, and start them again. All of it is under the embedder's calls. */
export class DomainLives {
  readonly #built: BuiltBoard;
  readonly #host: LifeHost;
  readonly #lives: readonly Life[];
  /** By id of the domain whose console is watched. */
  readonly #watched = new Map<number, { readonly matcher: LineMatcher; readonly waiting: Life }[]>();
  #stopped = false;

  constructor(built: BuiltBoard, host: LifeHost) {
    this.#built = built;
    this.#host = host;
    const { domains, plan, failures } = built;
    this.#lives = plan.domains.map((domain) => {
      const reason = failures.get(domain.id) ?? '';
      const state = reason === '' ? 'paused' : 'failed';
      const index = domains.findIndex(({ id }) => id === domain.id);
      return { domain, built: index, state, reason, restarts: 0, short: 0, startedAt: 0, restarting: false };
    });
    for (const life of this.#lives) if (life.state === 'paused') this.#hold(life, true);
  }

  /** Starts every domain that need not wait, in start order. */
  begin(): void {
    for (const life of this.#lives) if (life.state === 'failed') this.#tell(life);
    const order = [...this.#lives].sort((a, b) => a.domain.startOrder - b.domain.startOrder);
    for (const life of order) {
      if (life.state !== 'paused') continue;
      const { startAfter } = life.domain;
      if (startAfter === undefined) this.#start(life);
      else this.#wait(life, startAfter);
    }
  }

  get infos(): readonly DomainInfo[] {
    return this.#lives.map(({ domain, state, reason, restarts, restarting }) => ({
      id: domain.id,
      name: domain.name,
      nodeName: domain.nodeName,
      ...(domain.uuid === undefined ? {} : { uuid: domain.uuid }),
      state,
      ...(reason === '' ? {} : { reason }),
      ...(restarting ? { restarting } : {}),
      restarts,
      cpus: domain.cpus,
      memoryKiB: domain.memoryKiB,
      console: domain.vpl011,
    }));
  }

  /** True while a domain runs, or will. */
  get any(): boolean {
    return this.#lives.some(({ state, restarting }) => state === 'running' || state === 'paused' || restarting);
  }

  /** The state of a domain, by id. */
  stateOf(id: number): DomainState | undefined {
    return this.#lives.find(({ domain }) => domain.id === id)?.state;
  }

  /** A domain wrote to its console. */
  output(id: number, bytes: Uint8Array): void {
    const watched = this.#watched.get(id);
    if (watched === undefined) return;
    const met = watched.filter(({ matcher }) => matcher.feed(bytes));
    const rest = watched.filter((one) => !met.includes(one));
    if (rest.length === 0) this.#unwatch(id);
    else this.#watched.set(id, rest);
    for (const { waiting } of met) this.#start(waiting);
  }

  /** A domain has ended: no pCPU has anything of it, and all that it wrote is delivered. */
  ended(id: number, state: DomainState, reason: string): void {
    const life = this.#lives.find(({ domain }) => domain.id === id);
    if (life === undefined) throw new Error(`a pCPU told the end of domain ${id}, which does not exist`);
    life.state = state;
    life.reason = reason;
    const action = this.#actionFor(life);
    life.restarting = action === 'restart';
    this.#tell(life);
    if (action === 'restart') this.#restartLater(life);
    else {
      if (action === 'destroy') scrubDomain(this.#built.memory, this.#built.planned[life.built]!);
      this.#hold(life, false);
      this.#giveUpWaiting(life);
    }
  }

  /** Nothing is started any more. */
  stop(): void {
    this.#stopped = true;
  }

  #actionFor({ domain, state, restarts }: Life): RestartAction {
    const { onPoweroff, onReboot, onCrash, maxRestarts = Infinity } = domain.restart;
    const action = state === 'poweroff' ? onPoweroff : state === 'reboot' ? onReboot : onCrash;
    if (action !== 'restart') return action;
    return this.#stopped || restarts >= maxRestarts ? 'destroy' : 'restart';
  }

  /** A domain that ended soon after its start, again and again, is started at longer and longer intervals. */
  #restartLater(life: Life): void {
    const { value, frequency } = this.#built.clock();
    life.short = (value - life.startedAt) / frequency < SHORT_LIFE ? life.short + 1 : 0;
    const over = life.short - FREE_RESTARTS - 1;
    const delay = over < 0 ? 0 : Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** over);
    this.#host.after(delay, () => this.#restart(life));
  }

  #restart(life: Life): void {
    if (this.#stopped) return;
    const { memory, domains, planned, clock } = this.#built;
    life.restarting = false;
    try {
      rebuildDomain(memory, domains[life.built]!, planned[life.built]!, clock());
    } catch (error) {
      if (!(error instanceof OutOfBlocksError || isModuleReadError(error))) throw error;
      life.state = 'failed';
      life.reason = `it can't be started again: ${error.message}`;
      this.#tell(life);
      this.#hold(life, false);
      this.#giveUpWaiting(life);
      return;
    }
    life.restarts++;
    this.#start(life);
  }

  #start(life: Life): void {
    if (this.#stopped) return;
    const { memory, domains, counterFrequency, pools, clock } = this.#built;
    const info = domains[life.built]!;
    life.state = 'running';
    life.reason = '';
    life.startedAt = clock().value;
    this.#set(life, 'STATE', DOMAIN_STATES.indexOf('running'));
    this.#set(life, 'REASON', 0);
    this.#set(life, 'UNHANDLED', 0);
    this.#set(life, 'TOLD', 0);
    if (!this.#mayRestart(life)) this.#set(life, 'HELD', 0);
    this.#tell(life);
    const waits = startFirstVcpu(memory, { domains, pools, counterFrequency }, life.built);
    if (waits) this.#host.emit({ type: 'log', line: unassignedLine(`d${info.id}v0`) });
    memory.callAttention();
    for (const { domain, state } of this.#lives) {
      const after = domain.startAfter;
      if (state !== 'paused' || after?.domain !== info.id || after.pattern !== undefined) continue;
      this.#start(this.#lives.find((one) => one.domain === domain)!);
    }
  }

  #mayRestart({ domain: { restart } }: Life): boolean {
    return [restart.onPoweroff, restart.onReboot, restart.onCrash].includes('restart');
  }

  #wait(life: Life, { domain, pattern }: { domain: number; pattern?: string }): void {
    const other = this.#lives.find((one) => one.domain.id === domain)!;
    if (other.state === 'failed') return this.#giveUp(life, other);
    if (pattern === undefined) {
      if (other.state === 'running') this.#start(life);
      else this.#tell(life);
      return;
    }
    const watched = this.#watched.get(domain) ?? [];
    this.#watched.set(domain, [...watched, { matcher: new LineMatcher(pattern), waiting: life }]);
    this.#set(other, 'WATCHED', 1);
    this.#tell(life);
  }

  #unwatch(id: number): void {
    if (!this.#watched.delete(id)) return;
    this.#set(this.#lives.find(({ domain }) => domain.id === id)!, 'WATCHED', 0);
  }

  /** What waited for a domain that is gone for good waits in vain. */
  #giveUpWaiting(gone: Life): void {
    const { id } = gone.domain;
    this.#unwatch(id);
    for (const life of this.#lives) {
      if (life.state === 'paused' && life.domain.startAfter?.domain === id) this.#giveUp(life, gone);
    }
  }

  #giveUp(life: Life, other: Life): void {
    const { pattern } = life.domain.startAfter!;
    life.state = 'failed';
    life.reason =
      pattern === undefined
        ? `${other.domain.name}, which it starts after, was not started`
        : `${other.domain.name} did not show /${pattern}/, which it waited for`;
    this.#tell(life);
    this.#hold(life, false);
    this.#giveUpWaiting(life);
  }

  /** pCPUs stay while a domain is held, although there is nothing of it that runs. */
  #hold(life: Life, held: boolean): void {
    if (life.built < 0) return;
    if (held) {
      this.#set(life, 'STATE', DOMAIN_STATES.indexOf('paused'));
      this.#set(life, 'TOLD', 1);
    }
    this.#set(life, 'HELD', held ? 1 : 0);
    if (held) return;
    this.#built.memory.callAttention();
    this.#built.memory.wakeAll();
  }

  #set(life: Life, field: Exclude<keyof typeof DOMAIN_CONTROL, 'BYTES' | 'CNTVOFF'>, value: number): void {
    const { control } = this.#built.domains[life.built]!.layout;
    Atomics.store(this.#built.memory.words, (control + DOMAIN_CONTROL[field]) >>> 2, value);
  }

  #tell({ domain: { id, name }, state, reason, restarting }: Life): void {
    const more = { ...(reason === '' ? {} : { reason }), ...(restarting ? { restarting } : {}) };
    this.#host.emit({ type: 'domain', domain: id, name, state, ...more });
  }
}
