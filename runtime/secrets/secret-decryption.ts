import type { PrivateKey } from 'openpgp';
import type { EncryptionConfig } from '../../lib/contract/encryption-config';
import { IntegrityError, UsageError } from '../errors';
import { readKeyFile, readPassphrase } from './key-files';
import { loadOpenpgp } from './load-openpgp';

/** Reads what `SecretEncryption` wrote, with the private key or the passphrase of the configuration. `name` is for messages. */
export async function decryptSecret(name: string, bytes: Buffer, config: EncryptionConfig): Promise<Buffer> {
  const openpgp = loadOpenpgp();
  const { passphraseFile } = config;
  const key = await privateKey(config);
  if (key === undefined && passphraseFile === undefined)
    throw new UsageError(
      `read ${name}: it is encrypted; set 'encryption.privateKeyFile' or 'encryption.passphraseFile' to what opens it`,
    );
  const message = await openpgp.readMessage({ binaryMessage: new Uint8Array(bytes) }).catch(() => undefined);
  if (message === undefined) throw new IntegrityError(`read ${name}: it is damaged: it is no OpenPGP message`);
  try {
    const { data } = (await openpgp.decrypt({
      message,
      ...(key === undefined ? {} : { decryptionKeys: [key] }),
      ...(passphraseFile === undefined ? {} : { passwords: [await readPassphrase(passphraseFile, 'passphraseFile')] }),
      format: 'binary',
    })) as unknown as { data: Uint8Array };
    return Buffer.from(data);
  } catch {
    // What the library says may hold what it decrypted.
    const ids = message.getEncryptionKeyIDs().map((id) => id.toHex());
    const fits = ids.length > 0 ? `it is encrypted to key ${ids.join(', ')}` : 'it is encrypted with a passphrase';
    throw new UsageError(`read ${name}: neither the private key nor the passphrase opens it; ${fits}`);
  }
}

async function privateKey(config: EncryptionConfig): Promise<PrivateKey | undefined> {
  const { privateKeyFile: path, privateKeyPassphraseFile } = config;
  if (path === undefined) return undefined;
  const openpgp = loadOpenpgp();
  const bytes = await readKeyFile(path, 'privateKeyFile');
  const text = bytes.toString('latin1');
  const key = await (
    text.includes('-----BEGIN PGP')
      ? openpgp.readPrivateKey({ armoredKey: text })
      : openpgp.readPrivateKey({ binaryKey: new Uint8Array(bytes) })
  ).catch(() => undefined);
  if (key === undefined)
    throw new UsageError(
      `read '${path}': it holds no OpenPGP private key; make it by 'gpg --export-secret-keys --armor NAME'`,
      { path },
    );
  if (key.isDecrypted()) return key;
  if (privateKeyPassphraseFile === undefined)
    throw new UsageError(`read '${path}': the key has a passphrase; name it in 'encryption.privateKeyPassphraseFile'`, {
      path,
    });
  const passphrase = await readPassphrase(privateKeyPassphraseFile, 'privateKeyPassphraseFile');
  return openpgp.decryptKey({ privateKey: key, passphrase }).catch(() => {
    throw new UsageError(
      `read '${path}': the passphrase of the key is another one; correct '${privateKeyPassphraseFile}'`,
      {
        path,
      },
    );
  });
}
