import { loadOpenpgp } from '../../../../runtime/secrets/load-openpgp';

/** Armored, without a passphrase. */
export interface EncryptionKey {
  readonly publicKey: string;
  readonly privateKey: string;
}

/** A key as `gpg --quick-generate-key` makes it. */
export async function newEncryptionKey(): Promise<EncryptionKey> {
  const userIDs = [{ name: 'platform', email: 'platform@example.com' }];
  return loadOpenpgp().generateKey({ type: 'ecc', curve: 'curve25519Legacy', userIDs, format: 'armored' });
}
