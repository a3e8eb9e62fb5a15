/** Debian's openssl against the OpenSSL in Node: digests, ciphers, authenticated ciphers, signatures, key agreement. */
import {
  constants,
  createCipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  getCipherInfo,
  getCiphers,
  getHashes,
  type KeyObject,
  sign,
} from 'node:crypto';
import { noise, OK, type Suite } from './suite.ts';

/** Lengths around the block sizes of all digests, and one that keeps the vector code busy. */
const LENGTHS = [0, 1, 55, 56, 64, 111, 112, 128, 135, 136, 1000, 40_009];
const CIPHER_BYTES = 10_007;
/** Names that the digests have in both; those of the legacy provider are not in Node. */
const DIGESTS = new Set(
  'blake2b512 blake2s256 md5 md5-sha1 ripemd160 sha1 sha224 sha256 sha384 sha512 sha512-224 sha512-256 sha3-224 sha3-256 sha3-384 sha3-512 shake128 shake256 sm3'.split(
    ' ',
  ),
);
const XOF = /^shake/;
const XOF_BYTES = 64;
/** openssl's enc command can't do these. */
const NOT_ENC = /gcm|ccm|ocb|xts|wrap|siv|poly1305|hmac|^id-/i;
/** Bits of OPENSSL_armcap: what libcrypto takes the processor to have. Everything; NEON only; nothing. */
const CAPABILITIES = { '': undefined, '-neon': 1, '-plain': 0 } as const;

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const environment = (capability: number | undefined): string =>
  capability === undefined ? '' : `env OPENSSL_armcap=${capability} `;

/** Digests of files of {@link LENGTHS} bytes, by code with all extensions and by code with none. */
export function digests(capabilities: readonly (keyof typeof CAPABILITIES)[] = ['']): Suite {
  const names = getHashes().filter((name) => DIGESTS.has(name));
  const data = LENGTHS.map((length) => noise(length, length + 1));
  const files = LENGTHS.map((length) => `d${length}`);
  const expected = new Map<string, string>();
  const lines: string[] = [];
  for (const name of names) {
    const xof = XOF.test(name) ? { outputLength: XOF_BYTES } : {};
    const right = data.map((bytes) => createHash(name, xof).update(bytes).digest('hex')).join(' ');
    for (const suffix of capabilities) {
      const result = `digest-${name}${suffix}`;
      const option = XOF.test(name) ? ` -xoflen ${XOF_BYTES}` : '';
      const command = `${environment(CAPABILITIES[suffix])}openssl dgst -r -${name}${option} ${files.join(' ')}`;
      lines.push(`digest() { ${command} | cut -d ' ' -f 1; }; value ${result} digest`);
      expected.set(result, right);
    }
  }
  const key = 'a key for a message code';
  const big = data.at(-1)!;
  expected.set('hmac-sha256', createHmac('sha256', key).update(big).digest('hex'));
  lines.push(
    `hmac() { openssl dgst -r -sha256 -hmac '${key}' ${files.at(-1)} | cut -d ' ' -f 1; }; value hmac-sha256 hmac`,
  );
  return {
    files: Object.fromEntries(files.map((file, i) => [file, data[i]!])),
    script: lines.join('\n'),
    expected,
  };
}

/** Ciphers in which both openssl's enc command and Node agree to work, with their key and IV lengths. */
function encCiphers(): { name: string; key: Uint8Array; iv: Uint8Array }[] {
  const usable = getCiphers().filter((name) => !NOT_ENC.test(name) && /^[a-z0-9-]+$/.test(name));
  const seen = new Set<string>();
  return usable.flatMap((name) => {
    const info = getCipherInfo(name);
    if (info === undefined || info.name === undefined) return [];
    const canonical = `${info.nid}`;
    if (seen.has(canonical)) return [];
    const key = noise(info.keyLength, 77);
    const iv = noise(info.ivLength ?? 0, 78);
    try {
      createCipheriv(name, key, info.ivLength === undefined ? null : iv);
    } catch {
      return []; // of the legacy provider, which Node does not load
    }
    seen.add(canonical);
    return [{ name, key, iv }];
  });
}

/** Every cipher of the enc command, both ways; of AES, `capabilities` also with the instructions for it hidden. */
export function ciphers(capabilities: readonly (keyof typeof CAPABILITIES)[] = ['']): Suite {
  const plain = noise(CIPHER_BYTES, 5);
  const expected = new Map<string, string>();
  const lines = [
    `enc() { $caps openssl enc -e -$cipher -K $key $iv -in plain -out /tmp/ct && $caps openssl enc -d -$cipher -K $key $iv -in /tmp/ct -out /tmp/pt && cmp plain /tmp/pt && sha256sum </tmp/ct | cut -d ' ' -f 1; }`,
  ];
  for (const { name, key, iv } of encCiphers()) {
    const cipher = createCipheriv(name, key, iv.length === 0 ? null : iv);
    const right = sha256(Buffer.concat([cipher.update(plain), cipher.final()]));
    for (const suffix of name.startsWith('aes') ? capabilities : ([''] as const)) {
      const ivOption = iv.length === 0 ? '' : `-iv ${hex(iv)}`;
      lines.push(`caps='${environment(CAPABILITIES[suffix])}' cipher=${name} key=${hex(key)} iv='${ivOption}'`);
      lines.push(`value cipher-${name}${suffix} enc`);
      expected.set(`cipher-${name}${suffix}`, right);
    }
  }
  return { files: { plain }, script: lines.join('\n'), expected };
}

const AEAD = [
  ...[128, 192, 256].flatMap((bits) => ['gcm', 'ccm', 'ocb'].map((mode) => `aes-${bits}-${mode}`)),
  'chacha20-poly1305',
  'aria-128-gcm',
  'aes-128-xts',
  'aes-256-xts',
] as const;
const AEAD_LENGTHS = [0, 1, 15, 16, 17, 63, 64, 65, 255, 256, 257, 1023, 4099];
const TAG_BYTES = 16;

/** The program in the domU: libcrypto's EVP functions by ctypes, as evp(3) describes them. */
const AEAD_PROGRAM = `import ctypes, hashlib, json, sys
crypto = ctypes.CDLL('libcrypto.so.3')
for name in ('EVP_CIPHER_CTX_new', 'EVP_CIPHER_fetch'):
    getattr(crypto, name).restype = ctypes.c_void_p
SET_IVLEN, GET_TAG, SET_TAG = 9, 16, 17

def must(result):
    if result <= 0: raise RuntimeError('libcrypto refused')

def run(name, key, iv, aad, data, encrypt, tag):
    context = ctypes.c_void_p(crypto.EVP_CIPHER_CTX_new())
    cipher = ctypes.c_void_p(crypto.EVP_CIPHER_fetch(None, name.encode(), None))
    xts, ccm = name.endswith('xts'), name.endswith('ccm')
    out, n = ctypes.create_string_buffer(len(data) + 32), ctypes.c_int()
    must(crypto.EVP_CipherInit_ex(context, cipher, None, None, None, encrypt))
    if not xts:
        must(crypto.EVP_CIPHER_CTX_ctrl(context, SET_IVLEN, len(iv), None))
        if ccm or name.endswith('ocb') or not encrypt:
            must(crypto.EVP_CIPHER_CTX_ctrl(context, SET_TAG, 16, None if encrypt else tag))
    must(crypto.EVP_CipherInit_ex(context, None, None, key, iv, encrypt))
    if ccm: must(crypto.EVP_CipherUpdate(context, None, ctypes.byref(n), None, len(data)))
    if not xts: must(crypto.EVP_CipherUpdate(context, None, ctypes.byref(n), aad, len(aad)))
    total = 0
    if data or ccm:
        must(crypto.EVP_CipherUpdate(context, out, ctypes.byref(n), data, len(data)))
        total = n.value
    if not (ccm and not encrypt):
        must(crypto.EVP_CipherFinal_ex(context, ctypes.byref(out, total), ctypes.byref(n)))
        total += n.value
    made = ctypes.create_string_buffer(16)
    if encrypt and not xts: must(crypto.EVP_CIPHER_CTX_ctrl(context, GET_TAG, 16, made))
    crypto.EVP_CIPHER_CTX_free(context)
    return out.raw[:total], made.raw

job = json.load(open('aead.json'))[sys.argv[1]]
key, iv, aad = (bytes.fromhex(job[field]) for field in ('key', 'iv', 'aad'))
source = open('aead.bin', 'rb').read()
total = hashlib.sha256()
for length in job['lengths']:
    sealed, tag = run(job['name'], key, iv, aad, source[:length], 1, None)
    opened, _ = run(job['name'], key, iv, aad, sealed, 0, tag)
    if opened != source[:length]: raise RuntimeError('round trip of %d bytes' % length)
    total.update(sealed)
    if not job['name'].endswith('xts'):
        total.update(tag)
        try:
            run(job['name'], key, iv, aad + b'x', sealed, 0, tag)
        except RuntimeError:
            continue
        raise SystemExit('a forged message of %d bytes was taken' % length)
print(total.hexdigest())
`;

interface AeadJob {
  readonly name: string;
  readonly key: string;
  readonly iv: string;
  readonly aad: string;
  readonly lengths: readonly number[];
}

function aeadDigest(job: AeadJob, source: Uint8Array): string {
  const [key, iv, aad] = [job.key, job.iv, job.aad].map((text) => Buffer.from(text, 'hex')) as [Buffer, Buffer, Buffer];
  const total = createHash('sha256');
  for (const length of job.lengths) {
    const data = source.subarray(0, length);
    if (job.name.endsWith('xts')) {
      const cipher = createCipheriv(job.name, key, iv);
      total.update(cipher.update(data)).update(cipher.final());
    } else {
      const cipher = createCipheriv(job.name as 'aes-128-gcm', key, iv, { authTagLength: TAG_BYTES } as never);
      cipher.setAAD(aad, { plaintextLength: length } as never);
      total.update(cipher.update(data)).update(cipher.final()).update(cipher.getAuthTag());
    }
  }
  return total.digest('hex');
}

/** Authenticated ciphers and XTS through libcrypto, since the enc command lacks them. Needs python3. */
export function authenticated(capabilities: readonly (keyof typeof CAPABILITIES)[] = ['']): Suite {
  const source = noise(Math.max(...AEAD_LENGTHS), 9);
  const jobs: Record<string, AeadJob> = {};
  const expected = new Map<string, string>();
  const lines: string[] = [];
  for (const name of AEAD.filter((one) => getCiphers().includes(one))) {
    const xts = name.endsWith('xts');
    jobs[name] = {
      name,
      key: hex(noise(getCipherInfo(name)!.keyLength, 21)),
      iv: hex(noise(xts ? 16 : 12, 22)),
      aad: hex(noise(37, 23)),
      lengths: xts ? AEAD_LENGTHS.filter((length) => length >= 16) : AEAD_LENGTHS,
    };
    for (const suffix of capabilities) {
      lines.push(`value aead-${name}${suffix} ${environment(CAPABILITIES[suffix])}python3 aead.py ${name}`);
      expected.set(`aead-${name}${suffix}`, aeadDigest(jobs[name], source));
    }
  }
  const files = { 'aead.bin': source, 'aead.json': JSON.stringify(jobs), 'aead.py': AEAD_PROGRAM };
  return { files, script: lines.join('\n'), expected };
}

const pem = (key: KeyObject): string =>
  key.type === 'private'
    ? (key.export({ type: 'pkcs8', format: 'pem' }) as string)
    : (key.export({ type: 'spki', format: 'pem' }) as string);

/** Signatures of keys that Node made, checked in the domU; signatures without a random part, made there and compared. */
function hostKeys(message: Uint8Array): Suite {
  const files: Record<string, string | Uint8Array> = {};
  const lines: string[] = [];
  const expected = new Map<string, string>();
  const made: [string, { publicKey: KeyObject; privateKey: KeyObject }][] = [
    ['rsa', generateKeyPairSync('rsa', { modulusLength: 2048 })],
    ...['prime256v1', 'secp384r1', 'secp521r1', 'secp256k1'].map(
      (curve): [string, { publicKey: KeyObject; privateKey: KeyObject }] => [
        curve,
        generateKeyPairSync('ec', { namedCurve: curve }),
      ],
    ),
  ];
  for (const [name, { publicKey, privateKey }] of made) {
    files[`${name}.key`] = pem(privateKey);
    files[`${name}.pub`] = pem(publicKey);
    files[`${name}.sig`] = sign('sha256', message, privateKey);
    lines.push(`check verify-${name} openssl dgst -sha256 -verify ${name}.pub -signature ${name}.sig message`);
    lines.push(`refuse verify-forged-${name} openssl dgst -sha256 -verify ${name}.pub -signature ${name}.sig forged`);
    expected.set(`verify-${name}`, OK).set(`verify-forged-${name}`, OK);
  }
  const pss = { key: made[0]![1].privateKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
  files['pss.sig'] = sign('sha256', message, pss);
  lines.push(
    'check verify-rsa-pss openssl dgst -sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32 -verify rsa.pub -signature pss.sig message',
  );
  expected.set('verify-rsa-pss', OK);
  lines.push("rsa() { openssl dgst -sha256 -sign rsa.key message | openssl dgst -r -sha256 | cut -d ' ' -f 1; }");
  lines.push('value sign-rsa rsa');
  expected.set('sign-rsa', sha256(files['rsa.sig'] as Uint8Array));
  for (const type of ['ed25519', 'ed448'] as const) {
    const { privateKey } = type === 'ed25519' ? generateKeyPairSync('ed25519') : generateKeyPairSync('ed448');
    files[`${type}.key`] = pem(privateKey);
    lines.push(
      `${type}() { openssl pkeyutl -sign -rawin -inkey ${type}.key -in message | openssl dgst -r -sha256 | cut -d ' ' -f 1; }`,
    );
    lines.push(`value sign-${type} ${type}`);
    expected.set(`sign-${type}`, sha256(sign(null, message, privateKey)));
  }
  return { files, script: lines.join('\n'), expected };
}

/** Shared secrets of two keys that Node made. */
function agreements(): Suite {
  const files: Record<string, string> = {};
  const lines: string[] = [];
  const expected = new Map<string, string>();
  const pairs = {
    x25519: [generateKeyPairSync('x25519'), generateKeyPairSync('x25519')],
    x448: [generateKeyPairSync('x448'), generateKeyPairSync('x448')],
    'ecdh-p256': [1, 2].map(() => generateKeyPairSync('ec', { namedCurve: 'prime256v1' })),
    'ecdh-p384': [1, 2].map(() => generateKeyPairSync('ec', { namedCurve: 'secp384r1' })),
  };
  for (const [name, [ours, theirs]] of Object.entries(pairs)) {
    files[`${name}.key`] = pem(ours!.privateKey);
    files[`${name}.peer`] = pem(theirs!.publicKey);
    lines.push(
      `derive() { openssl pkeyutl -derive -inkey ${name}.key -peerkey ${name}.peer | openssl dgst -r -sha256 | cut -d ' ' -f 1; }`,
    );
    lines.push(`value derive-${name} derive`);
    expected.set(
      `derive-${name}`,
      sha256(
        diffieHellman({
          privateKey: createPrivateKey(pem(ours!.privateKey)),
          publicKey: createPublicKey(pem(theirs!.publicKey)),
        }),
      ),
    );
  }
  return { files, script: lines.join('\n'), expected };
}

/** Keys made, checked, used and verified in the domU alone. */
const GUEST_KEYS: readonly [string, string][] = [
  ['rsa2048', '-algorithm RSA -pkeyopt rsa_keygen_bits:2048'],
  ['p256', '-algorithm EC -pkeyopt ec_paramgen_curve:P-256'],
  ['p384', '-algorithm EC -pkeyopt ec_paramgen_curve:P-384'],
];

/** Public-key operations against Node's, and keys of the domU's own. */
export function keys(): Suite {
  const message = noise(3001, 31);
  const forged = Uint8Array.from(message);
  forged[1500]! ^= 1;
  const [host, agreed] = [hostKeys(message), agreements()];
  const expected = new Map([...host.expected, ...agreed.expected]);
  const lines = [host.script, agreed.script];
  for (const [name, options] of GUEST_KEYS) {
    const pub = `/tmp/${name}.pub`;
    lines.push(
      `check keygen-${name} openssl genpkey ${options} -out /tmp/${name}.key`,
      `check keycheck-${name} openssl pkey -check -noout -in /tmp/${name}.key`,
      `openssl pkey -in /tmp/${name}.key -pubout -out ${pub}`,
      `openssl dgst -sha384 -sign /tmp/${name}.key -out /tmp/${name}.sig message`,
      `check own-verify-${name} openssl dgst -sha384 -verify ${pub} -signature /tmp/${name}.sig message`,
      `refuse own-verify-forged-${name} openssl dgst -sha384 -verify ${pub} -signature /tmp/${name}.sig forged`,
    );
    for (const step of ['keygen', 'keycheck', 'own-verify', 'own-verify-forged']) expected.set(`${step}-${name}`, OK);
  }
  return { files: { message, forged, ...host.files, ...agreed.files }, script: lines.join('\n'), expected };
}
