import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ConsoleViewOptions, makeConsoleView } from '../src/console-view.ts';

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1');
const bytes = (value: string) => Buffer.from(value, 'latin1');
const clock = { wallMs: () => 0, bootNs: () => 1.5e9, ticks: () => 0x1234 };

/** A view, what it shows, and what it delivers. */
function viewOf(options: Partial<ConsoleViewOptions>) {
  const shown: string[] = [];
  const delivered: string[] = [];
  const view = makeConsoleView({
    domains: [1, 2],
    interactive: false,
    raw: false,
    xen: { timestamps: 'none' },
    clock,
    state: () => ({ nowNs: 0, pcpus: 1, domains: [] }),
    show: (data) => shown.push(text(data)),
    deliver: (domain, data) => delivered.push(`${domain}:${text(data)}`),
    ...options,
  });
  return { view, shown: () => shown.join(''), delivered };
}

describe('a view of the consoles', () => {
  it('of one domain in a pipe is its bytes, both ways', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1 }), (data) => {
        const { view, shown, delivered } = viewOf({ domains: [3] });
        view.announceFocus();
        view.output(3, data);
        view.input(data);
        view.domainEnded(3);
        view.finish();
        return shown() === text(data) && delivered.join() === `3:${text(data)}`;
      }),
    );
  });

  it('of several in a pipe is whole lines, and a last line without end is not lost', () => {
    const { view, shown } = viewOf({});
    view.output(1, bytes('hel'));
    view.output(2, bytes('good\r\nb'));
    view.output(1, bytes('lo\r\n'));
    view.output(2, bytes('ye'));
    view.finish();
    expect(shown()).toBe('(XEN) DOM2: good\n(XEN) DOM1: hello\n(XEN) DOM2: bye\n');
  });

  it("at a terminal is Xen's serial line, with --raw the focus without prefix", () => {
    const one = viewOf({ interactive: true });
    one.view.output(1, bytes('# ls\n'));
    expect(one.shown()).toBe('(XEN) # ls\n');
    const raw = viewOf({ interactive: true, raw: true });
    raw.view.output(1, bytes('# '));
    raw.view.output(2, bytes('tick\n'));
    expect(raw.shown()).toBe('# \n(XEN) DOM2: tick\n');
  });

  it('of one domain at a terminal is raw, and the other end of the rotation is Xen', () => {
    const { view, shown, delivered } = viewOf({ interactive: true, domains: [1] });
    view.output(1, bytes('# '));
    view.input(bytes('a\x01\x01\x01h'));
    expect(delivered).toEqual(['1:a']);
    expect(view.focus).toBeUndefined();
    expect(shown()).toMatch(/^# \n\(XEN\) \*\*\* Serial input to Xen .*\n\(XEN\) 'h' pressed/);
  });

  it('moves the focus on when its domain ends', () => {
    const { view, shown, delivered } = viewOf({});
    view.domainEnded(1);
    view.input(bytes('x'));
    expect(view.focus).toBe(2);
    expect(delivered).toEqual(['2:x']);
    expect(shown()).toContain('*** Serial input to DOM2');
  });

  it("takes the switch key and timestamps from Xen's command line", () => {
    const { view, shown, delivered } = viewOf({
      xen: { conswitch: 'bx', timestamps: 'boot' },
    });
    view.announceFocus();
    view.input(bytes('\x02\x02\x02\x01\x01\x01'));
    expect(delivered).toEqual(['1:\x01\x01\x01']);
    const hint = "(type 'CTRL-b' three times to switch input)";
    expect(shown()).toBe(
      `(XEN) [    1.500000] *** Serial input to Xen ${hint}\n(XEN) [    1.500000] *** Serial input to DOM1 ${hint}\n`,
    );
  });
});
