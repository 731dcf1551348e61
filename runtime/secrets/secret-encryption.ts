import { createHash } from 'node:crypto';
import type { Key } from 'openpgp';
import type { EncryptionConfig } from '../../lib/contract/encryption-config';
import type { SecretEncryption as Encrypted } from '../../lib/contract/manifest';
import { UsageError } from '../errors';
import { readKeyFile, readPassphrase } from './key-files';
import { loadOpenpgp } from './load-openpgp';
import { isOfPassphrase, passphraseCheck } from './passphrase-check';

/** To whom Secrets are encrypted. */
export type Readers = Pick<Encrypted, 'recipients' | 'passphrase'>;

interface RecipientFile {
  readonly path: string;
  readonly bytes: Buffer;
  readonly sha256: string;
}

/** Encrypts Secrets as OpenPGP messages that stock gpg reads: to each recipient's key, with the passphrase, or both. */
export class SecretEncryption {
  /** Throws `UsageError` when nobody could read what it encrypts. */
  static async load(config: EncryptionConfig): Promise<SecretEncryption> {
    if (config.recipients.length === 0 && config.passphraseFile === undefined)
      throw new UsageError(
        "back up Secrets: they are only stored encrypted; set 'encryption.recipients' to files with OpenPGP public keys or 'encryption.passphraseFile', or take them out of 'kubernetes.secrets'",
      );
    const files = await Promise.all(config.recipients.map(readRecipient));
    const { passphraseFile } = config;
    const passphrase =
      passphraseFile === undefined ? undefined : await readPassphrase(passphraseFile, 'passphraseFile');
    return new SecretEncryption(files, passphrase);
  }

  private loaded: Promise<{ readonly keys: readonly Key[]; readonly readers: Readers }> | undefined;
  /** The check that was seen to be of the passphrase, so that all of a point have the same one. */
  private check: string | undefined;

  private constructor(
    private readonly files: readonly RecipientFile[],
    private readonly passphrase: string | undefined,
  ) {}

  /** Whether what was encrypted to these can be read by exactly those that it would be encrypted to now. */
  isFor(readers: Readers): boolean {
    const known = readers.recipients.map(({ file }) => file).sort();
    const ours = this.files.map(({ sha256 }) => sha256).sort();
    return known.join() === ours.join() && this.isSamePassphrase(readers.passphrase);
  }

  async encrypt(plain: Buffer): Promise<{ readonly bytes: Buffer; readonly readers: Readers }> {
    const openpgp = loadOpenpgp();
    const { keys, readers } = await (this.loaded ??= this.load());
    const message = await openpgp.createMessage({ binary: new Uint8Array(plain) });
    // Its types name streams of a package that isn't installed.
    const encrypted = (await openpgp.encrypt({
      message,
      encryptionKeys: [...keys],
      ...(this.passphrase === undefined ? {} : { passwords: [this.passphrase] }),
      format: 'binary',
      config: {
        preferredSymmetricAlgorithm: openpgp.enums.symmetric.aes256,
        // gpg 2.2 knows neither of these.
        aeadProtect: false,
        s2kType: openpgp.enums.s2k.iterated,
        // The most that there is, 65 million bytes: a passphrase is guessed offline.
        s2kIterationCountByte: 255,
      },
    })) as unknown as Uint8Array;
    return { bytes: Buffer.from(encrypted), readers };
  }

  private async load(): Promise<{ readonly keys: readonly Key[]; readonly readers: Readers }> {
    const recipients = await Promise.all(this.files.map(async (file) => ({ file, keys: await publicKeys(file) })));
    this.check ??= this.passphrase === undefined ? undefined : passphraseCheck(this.passphrase);
    return {
      keys: recipients.flatMap(({ keys }) => keys),
      readers: {
        recipients: recipients.map(({ file, keys }) => ({
          file: file.sha256,
          fingerprints: keys.map((key) => key.getFingerprint()),
        })),
        passphrase: this.check ?? null,
      },
    };
  }

  private isSamePassphrase(check: string | null): boolean {
    if (this.passphrase === undefined || check === null) return this.passphrase === undefined && check === null;
    if (check === this.check) return true;
    if (!isOfPassphrase(check, this.passphrase)) return false;
    this.check ??= check;
    return true;
  }
}

async function readRecipient(path: string): Promise<RecipientFile> {
  const bytes = await readKeyFile(path, 'recipients');
  return { path, bytes, sha256: createHash('sha256').update(bytes).digest('hex') };
}

/** The keys of a file, each of which can be encrypted to today. */
async function publicKeys({ path, bytes }: RecipientFile): Promise<Key[]> {
  const openpgp = loadOpenpgp();
  const text = bytes.toString('latin1');
  const keys = await (
    text.includes('-----BEGIN PGP')
      ? openpgp.readKeys({ armoredKeys: text })
      : openpgp.readKeys({ binaryKeys: new Uint8Array(bytes) })
  ).catch(() => []);
  if (keys.length === 0)
    throw new UsageError(
      `read '${path}': it holds no OpenPGP public key; make it by 'gpg --export --armor NAME' and name it in 'encryption.recipients'`,
      { path },
    );
  for (const key of keys) await checkRecipient(path, key);
  return keys;
}

async function checkRecipient(path: string, key: Key): Promise<void> {
  const fingerprint = key.getFingerprint();
  if (key.isPrivate())
    throw new UsageError(
      `read '${path}': it holds the private key '${fingerprint}', which a backup must not have; export the public one by 'gpg --export'`,
      { path, fingerprint },
    );
  try {
    await key.getEncryptionKey();
  } catch (cause) {
    throw new UsageError(
      `read '${path}': key '${fingerprint}' can't be encrypted to: ${(cause as Error).message}; extend its validity or name another one`,
      { path, fingerprint },
    );
  }
}
