import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as openpgp from 'openpgp';
import { type EncryptionConfig, encryptionSchema } from '../../../lib/contract/encryption-config';
import { decryptSecret } from '../../../runtime/secrets/secret-decryption';
import { SecretEncryption } from '../../../runtime/secrets/secret-encryption';

const PLAIN = Buffer.from('{"data":{"secret-access-key":"aHVudGVyMg=="}}');
const PASSPHRASE = 'correct horse battery staple';
const hasGpg = spawnSync('gpg', ['--version']).status === 0;
const withGpg = hasGpg ? describe : describe.skip;

// Making keys is slow, and so is deriving them of passphrases.
jest.setTimeout(60_000);

let folder: string;

beforeAll(() => {
  // Short: gpg's agent listens on a socket below it.
  folder = mkdtempSync(join(tmpdir(), 'pgp-'));
});

afterAll(() => {
  if (hasGpg) spawnSync('gpgconf', ['--homedir', folder, '--kill', 'all']);
  rmSync(folder, { recursive: true, force: true });
});

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

function config(given: Partial<EncryptionConfig>): EncryptionConfig {
  return encryptionSchema.parse(given);
}

type KeyKind = 'ecc' | 'rsa';

async function keyPair(kind: KeyKind, passphrase?: string): Promise<{ publicKey: string; privateKey: string }> {
  return openpgp.generateKey({
    ...(kind === 'ecc'
      ? { type: 'ecc' as const, curve: 'curve25519Legacy' as const }
      : { type: 'rsa' as const, rsaBits: 2048 }),
    userIDs: [{ name: kind, email: `${kind}@example.com` }],
    ...(passphrase === undefined ? {} : { passphrase }),
    format: 'armored',
  });
}

function gpg(input: Buffer, ...args: string[]): Buffer {
  return execFileSync('gpg', ['--homedir', folder, '--batch', '--quiet', '--no-tty', ...args], {
    input,
    stdio: ['pipe', 'pipe', 'ignore'],
  });
}

describe('an encrypted Secret', () => {
  it('is read with the private key, its passphrase given, and with the passphrase', async () => {
    const { publicKey, privateKey } = await keyPair('ecc', 'of the key');
    const encryption = await SecretEncryption.load(
      config({ recipients: [file('both.asc', publicKey)], passphraseFile: file('both', `${PASSPHRASE}\nmore\n`) }),
    );
    const { bytes } = await encryption.encrypt(PLAIN);
    expect(bytes.includes('hunter2') || bytes.includes('aHVudGVyMg')).toBe(false);
    const byKey = config({
      privateKeyFile: file('both.key', privateKey),
      privateKeyPassphraseFile: file('both.pass', 'of the key\n'),
    });
    expect(await decryptSecret('Secret', bytes, byKey)).toEqual(PLAIN);
    expect(await decryptSecret('Secret', bytes, config({ passphraseFile: join(folder, 'both') }))).toEqual(PLAIN);
  });

  it('differs each time, and is known to be for the same readers', async () => {
    const { publicKey } = await keyPair('ecc');
    const given = config({ recipients: [file('same.asc', publicKey)], passphraseFile: file('same', PASSPHRASE) });
    const first = await (await SecretEncryption.load(given)).encrypt(PLAIN);
    const again = await SecretEncryption.load(given);
    expect(again.isFor(first.readers)).toBe(true);
    const second = await again.encrypt(PLAIN);
    expect(second.bytes.equals(first.bytes)).toBe(false);
    // Later points go on with the salt of the first, so that they compare alike.
    expect(second.readers).toEqual(first.readers);
  });

  it('is for others when a key, or the passphrase, was added, removed or replaced', async () => {
    const keys = [file('one.asc', (await keyPair('ecc')).publicKey), file('two.asc', (await keyPair('ecc')).publicKey)];
    const passphraseFile = file('pass', PASSPHRASE);
    const load = (given: Partial<EncryptionConfig>) => SecretEncryption.load(config(given));
    const { readers } = await (await load({ recipients: keys.slice(0, 1), passphraseFile })).encrypt(PLAIN);
    expect((await load({ recipients: keys, passphraseFile })).isFor(readers)).toBe(false);
    expect((await load({ recipients: keys.slice(1), passphraseFile })).isFor(readers)).toBe(false);
    expect((await load({ recipients: keys.slice(0, 1) })).isFor(readers)).toBe(false);
    expect((await load({ passphraseFile })).isFor(readers)).toBe(false);
    const other = file('other', `${PASSPHRASE}!`);
    expect((await load({ recipients: keys.slice(0, 1), passphraseFile: other })).isFor(readers)).toBe(false);
  });

  it('says to whom it is encrypted, and nothing about what is in it', async () => {
    const { publicKey } = await keyPair('ecc');
    const given = { recipients: [file('named.asc', publicKey)] };
    const { readers } = await (await SecretEncryption.load(config(given))).encrypt(PLAIN);
    const fingerprint = (await openpgp.readKey({ armoredKey: publicKey })).getFingerprint();
    expect(readers).toEqual({
      recipients: [{ file: expect.stringMatching(/^[0-9a-f]{64}$/), fingerprints: [fingerprint] }],
      passphrase: null,
    });
  });
});

describe('encryption', () => {
  it('is refused when nobody could read what it makes', async () => {
    await expect(SecretEncryption.load(config({}))).rejects.toMatchObject({
      exitCode: 2,
      message: expect.stringContaining("they are only stored encrypted; set 'encryption.recipients'"),
    });
  });

  it.each([
    ['no key', () => 'hunter2', /it holds no OpenPGP public key; make it by 'gpg --export/],
    [
      'a private key',
      async () => (await keyPair('ecc')).privateKey,
      /holds the private key '[0-9a-f]{40}', which a backup must not/,
    ],
  ])('is refused when a file holds %s, without quoting it', async (_, text, message) => {
    const given = config({ recipients: [file('wrong.asc', await text())] });
    const error = await (await SecretEncryption.load(given)).encrypt(PLAIN).catch((thrown: unknown) => thrown as Error);
    expect(error).toMatchObject({ exitCode: 2, message: expect.stringMatching(message) });
    expect(JSON.stringify(error)).not.toContain('hunter2');
  });

  it('is refused when a key has expired', async () => {
    const { publicKey } = await openpgp.generateKey({
      ...{ type: 'ecc', curve: 'curve25519Legacy', format: 'armored' },
      userIDs: [{ name: 'old' }],
      date: new Date('2020-01-01'),
      keyExpirationTime: 60,
    });
    const encryption = await SecretEncryption.load(config({ recipients: [file('old.asc', publicKey)] }));
    await expect(encryption.encrypt(PLAIN)).rejects.toThrow(/can't be encrypted to: .*; extend its validity/);
  });

  it('says which file is not there, or empty', async () => {
    await expect(SecretEncryption.load(config({ recipients: ['/no/key.asc'] }))).rejects.toThrow(
      "read '/no/key.asc': ENOENT; correct 'encryption.recipients'",
    );
    await expect(SecretEncryption.load(config({ passphraseFile: file('empty', '\n') }))).rejects.toThrow(
      'its first line is empty',
    );
  });
});

describe('decryption', () => {
  it('says which key it takes when another one is given', async () => {
    const [right, wrong] = [await keyPair('ecc'), await keyPair('ecc')];
    const encryption = await SecretEncryption.load(config({ recipients: [file('right.asc', right.publicKey)] }));
    const { bytes } = await encryption.encrypt(PLAIN);
    const given = config({ privateKeyFile: file('wrong.key', wrong.privateKey) });
    await expect(decryptSecret("Secret 's3'", bytes, given)).rejects.toThrow(
      /^read Secret 's3': neither the private key nor the passphrase opens it; it is encrypted to key [0-9a-f]{16}$/,
    );
    await expect(decryptSecret("Secret 's3'", bytes, config({}))).rejects.toThrow("set 'encryption.privateKeyFile'");
    await expect(decryptSecret("Secret 's3'", Buffer.from('x'), given)).rejects.toMatchObject({ exitCode: 12 });
  });
});

withGpg('stock gpg', () => {
  it.each<KeyKind>(['ecc', 'rsa'])('reads it with the private key of a recipient: %s', async (kind) => {
    const { publicKey, privateKey } = await keyPair(kind);
    const encryption = await SecretEncryption.load(
      config({ recipients: [file(`${kind}.asc`, publicKey)], passphraseFile: file('p', PASSPHRASE) }),
    );
    const { bytes } = await encryption.encrypt(PLAIN);
    gpg(Buffer.from(privateKey), '--import');
    expect(gpg(bytes, '--decrypt')).toEqual(PLAIN);
  });

  it('reads it with the passphrase, AES-256', async () => {
    const passphraseFile = file('passphrase', `${PASSPHRASE}\n`);
    const { bytes } = await (await SecretEncryption.load(config({ passphraseFile }))).encrypt(PLAIN);
    const options = ['--pinentry-mode', 'loopback', '--passphrase-file', passphraseFile];
    expect(gpg(bytes, ...options, '--decrypt')).toEqual(PLAIN);
    // Cipher 9 is AES-256; the key is derived by hashing 65 million bytes.
    const packets = gpg(bytes, ...options, '--list-packets').toString();
    expect(packets).toMatch(/cipher 9, .*s2k 3, hash 8/);
    expect(packets).toContain('count 65011712');
  });

  it('makes keys that can be encrypted to', async () => {
    gpg(Buffer.alloc(0), '--passphrase', '', '--quick-generate-key', 'made@example.com', 'default', 'default');
    for (const armor of [['--armor'], []]) {
      const exported = gpg(Buffer.alloc(0), ...armor, '--export', 'made@example.com');
      const encryption = await SecretEncryption.load(config({ recipients: [file('made.pub', exported)] }));
      expect(gpg((await encryption.encrypt(PLAIN)).bytes, '--decrypt')).toEqual(PLAIN);
    }
  });
});
