import { describe, expect, it } from 'vitest';
import { rewriteSources } from '../src/guests/apt-sources.ts';

const list = (text: string, codename = 'bookworm'): string | undefined =>
  rewriteSources([{ name: 'a.list', text }], codename)[0]?.text;
const deb822 = (text: string, codename = 'bookworm'): string | undefined =>
  rewriteSources([{ name: 'a.sources', text }], codename)[0]?.text;

describe('one-line entries', () => {
  it('lose options that pin an architecture and keep the others', () => {
    expect(list('deb [arch=amd64 signed-by=/k.gpg] http://mirror.example/debian bookworm main contrib # ours\n')).toBe(
      'deb [signed-by=/k.gpg] http://mirror.example/debian bookworm main contrib\n',
    );
    expect(list('deb [ arch+=i386 arch-=armhf ] http://mirror.example/debian bookworm main')).toBe(
      'deb http://mirror.example/debian bookworm main\n',
    );
  });

  it('of sources, of discs and commented out are left out', () => {
    const text = [
      '# deb http://off.example/debian bookworm main',
      'deb-src http://mirror.example/debian bookworm main',
      'deb cdrom:[Debian GNU/Linux 12]/ bookworm main',
      'deb http://mirror.example/debian bookworm-updates main',
      '',
    ].join('\n');
    expect(list(text)).toBe('deb http://mirror.example/debian bookworm-updates main\n');
  });
});

describe('deb822 stanzas', () => {
  it('lose fields that pin an architecture, and source code, and keep the others', () => {
    const text = `Types: deb deb-src
# where from
URIs: http://mirror.example/debian
Suites: bookworm
 bookworm-updates
Components: main
Architectures: amd64 i386
Architectures-Remove: armhf
Signed-By: /usr/share/keyrings/k.gpg
`;
    expect(deb822(text)).toBe(`Types: deb
URIs: http://mirror.example/debian
Suites: bookworm
 bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/k.gpg
`);
  });

  it('keep a key that is written into them', () => {
    const key = 'Signed-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mDMEZ\n -----END PGP PUBLIC KEY BLOCK-----';
    const text = `types: deb\nuris: http://mirror.example/debian\nsuites: trixie\ncomponents: main\n${key}\n`;
    expect(deb822(text, 'trixie')).toContain(key);
  });

  it('are parted by empty lines; disabled ones and those of sources alone are left out', () => {
    const stanza = (uri: string, more = 'Types: deb'): string =>
      `${more}\nURIs: ${uri}\nSuites: bookworm\nComponents: main`;
    const text = [
      stanza('http://one.example/'),
      stanza('http://two.example/', 'Types: deb\nEnabled: no'),
      stanza('http://three.example/', 'Types: deb-src'),
      stanza('http://four.example/'),
    ].join('\n \n');
    const uris = [...deb822(text)!.matchAll(/^URIs: (.*)$/gm)].map((match) => match[1]);
    expect(uris).toEqual(['http://one.example/', 'http://four.example/']);
  });
});

describe('several files', () => {
  const debian = { name: 'debian.list', text: 'deb http://mirror.example/debian bookworm main\n' };
  const vendor = { name: 'vendor.list', text: 'deb [arch=amd64] http://vendor.example/apt nodistro main\n' };

  it("leave a third party's repository out where the release's own entries exist", () => {
    expect(rewriteSources([debian, vendor], 'bookworm').map((file) => file.name)).toEqual(['debian.list']);
  });

  it('are all kept where no entry is known to serve the release', () => {
    expect(rewriteSources([debian, vendor], 'trixie').map((file) => file.name)).toEqual(['debian.list', 'vendor.list']);
  });

  it('count a suite named by its role', () => {
    const role = { name: 'role.list', text: 'deb http://mirror.example/debian stable main\n' };
    expect(rewriteSources([role, vendor], 'bookworm').map((file) => file.name)).toEqual(['role.list']);
  });

  it('without an entry give nothing', () => {
    expect(rewriteSources([{ name: 'empty.sources', text: '\n\n# nothing\n' }], 'bookworm')).toEqual([]);
  });
});

describe('with backports', () => {
  const entries = (name: string, text: string, codename = 'bookworm'): string | undefined =>
    rewriteSources([{ name, text }], codename, true)[0]?.text;

  it('a one-line entry of the release gets a second one; those of its updates stay as they are', () => {
    const text = [
      'deb [signed-by=/k.gpg] http://mirror.example/debian bookworm main',
      'deb http://mirror.example/debian bookworm-updates main',
    ].join('\n');
    expect(entries('a.list', text)!.split('\n')).toEqual([
      'deb [signed-by=/k.gpg] http://mirror.example/debian bookworm main',
      'deb [signed-by=/k.gpg] http://mirror.example/debian bookworm-backports main',
      'deb http://mirror.example/debian bookworm-updates main',
      '',
    ]);
  });

  it('a stanza of the release gets a suite more, also where the release is named by its role', () => {
    const stanza = (suites: string): string =>
      `Types: deb\nURIs: http://mirror.example/debian\nSuites: ${suites}\nComponents: main\n`;
    expect(entries('a.sources', stanza('bookworm\n bookworm-updates'))).toBe(
      stanza('bookworm bookworm-updates bookworm-backports'),
    );
    expect(entries('a.sources', stanza('stable'))).toBe(stanza('stable bookworm-backports'));
    expect(entries('a.sources', stanza('bookworm-security'))).toBe(stanza('bookworm-security'));
    expect(entries('a.sources', stanza('bookworm bookworm-backports'))).toBe(stanza('bookworm bookworm-backports'));
  });
});
