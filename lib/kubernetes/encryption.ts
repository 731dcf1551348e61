import { type KubernetesIdentity, type RunnerConfigInput } from '../contract/index';
import { CONFIG_FOLDER } from './private/folders';
import { type Mount } from './private/mount';

/** The Secret with the private key that restores Secrets. */
export interface PrivateKeyOptions {
  /** Name of the Secret. It need not exist until a restore needs it: keep the key out of the cluster until then if you can. */
  readonly secret: string;

  /**
   * Key of the Secret that holds the OpenPGP private key.
   *
   * @default 'private.asc'
   */
  readonly key?: string;

  /**
   * Key of the Secret that holds the passphrase of the private key.
   *
   * @default - the private key has no passphrase
   */
  readonly passphraseKey?: string;
}

/** To whom Secrets are encrypted. */
export interface OpenPgpOptions {
  /** Armored public keys, `-----BEGIN PGP PUBLIC KEY BLOCK-----…`: each of their owners can read the Secrets of a recovery point. */
  readonly recipients: readonly string[];

  /**
   * Where a restore finds a private key. It is mounted in the pod that coordinates a restore, nowhere else.
   *
   * @default - none: Secrets are restored by hand, with `gpg`
   */
  readonly privateKey?: PrivateKeyOptions;
}

/** The Secret with a passphrase. */
export interface PassphraseOptions {
  /**
   * Key of the Secret that holds the passphrase.
   *
   * @default 'passphrase'
   */
  readonly key?: string;
}

const PASSPHRASE_FOLDER = '/keys/passphrase';
const PRIVATE_KEY_FOLDER = '/keys/restore';

type EncryptionInput = NonNullable<RunnerConfigInput['encryption']>;

interface Content {
  readonly config: EncryptionInput;
  readonly files: Readonly<Record<string, string>>;
  readonly mounts: readonly (Mount & { readonly identities: readonly KubernetesIdentity[] })[];
}

/**
 * How Secrets are stored in recovery points: only ever encrypted, readable by stock `gpg`.
 *
 * @example Encryption.openPgp({ recipients: [readFileSync('platform.asc', 'utf8')] })
 */
export class Encryption {
  /**
   * To the owners of OpenPGP keys. The runner holds public keys only, so whoever takes over the cluster can't read what was backed up
   * before. Throws when a recipient is no armored public key.
   */
  static openPgp({ recipients, privateKey }: OpenPgpOptions): Encryption {
    if (recipients.length === 0)
      throw new Error("'recipients' must hold at least one armored OpenPGP public key, got none");
    recipients.forEach(checkRecipient);
    const names = recipients.map((_, index) => `recipient-${index + 1}.asc`);
    return new Encryption({
      config: { recipients: names.map((name) => `${CONFIG_FOLDER}/${name}`), ...privateKeyConfig(privateKey) },
      files: Object.fromEntries(names.map((name, index) => [name, `${recipients[index]?.trim() ?? ''}\n`])),
      mounts: privateKey === undefined ? [] : [privateKeyMount(privateKey)],
    });
  }

  /** With a passphrase from a Secret (AES-256). Whoever reads that Secret reads the Secrets of every recovery point. */
  static passphrase(secret: string, { key = 'passphrase' }: PassphraseOptions = {}): Encryption {
    const volume = { name: 'passphrase', secret: { secretName: secret, items: [{ key, path: 'passphrase' }] } };
    return new Encryption({
      config: { passphraseFile: `${PASSPHRASE_FOLDER}/passphrase` },
      files: {},
      mounts: [{ volume, path: PASSPHRASE_FOLDER, readOnly: true, identities: ['backup', 'restore'] }],
    });
  }

  private constructor(private readonly content: Content) {}

  /**
   * What the runner's configuration says of it.
   *
   * @internal
   */
  get _config(): EncryptionInput {
    return this.content.config;
  }

  /**
   * Files that lie beside the runner's configuration, by name.
   *
   * @internal
   */
  get _files(): Readonly<Record<string, string>> {
    return this.content.files;
  }

  /**
   * What the pods of an identity need of it.
   *
   * @internal
   */
  _mounts(identity: KubernetesIdentity): Mount[] {
    return this.content.mounts
      .filter(({ identities }) => identities.includes(identity))
      .map(({ volume, path, readOnly }) => ({ volume, path, readOnly }));
  }
}

function checkRecipient(recipient: string, index: number): void {
  const text = recipient.trim();
  if (text.startsWith('-----BEGIN PGP PUBLIC KEY BLOCK-----')) return;
  const problem = text.includes('PRIVATE KEY')
    ? 'is a private key, which must never lie in a manifest'
    : 'must be an armored OpenPGP public key';
  throw new Error(`'recipients[${index}]' ${problem}; export the public one with 'gpg --armor --export NAME'`);
}

function privateKeyConfig(privateKey: PrivateKeyOptions | undefined): EncryptionInput {
  if (privateKey === undefined) return {};
  return {
    privateKeyFile: `${PRIVATE_KEY_FOLDER}/private.asc`,
    ...(privateKey.passphraseKey === undefined ? {} : { privateKeyPassphraseFile: `${PRIVATE_KEY_FOLDER}/passphrase` }),
  };
}

function privateKeyMount({ secret, key = 'private.asc', passphraseKey }: PrivateKeyOptions): Content['mounts'][number] {
  const items = [
    { key, path: 'private.asc' },
    ...(passphraseKey === undefined ? [] : [{ key: passphraseKey, path: 'passphrase' }]),
  ];
  // Optional: a restore of data must start while the key still lies in somebody's safe.
  const volume = { name: 'private-key', secret: { secretName: secret, items, optional: true } };
  return { volume, path: PRIVATE_KEY_FOLDER, readOnly: true, identities: ['restore'] };
}
