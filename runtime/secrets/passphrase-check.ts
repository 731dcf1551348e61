import { randomBytes, scryptSync, timingSafeEqual } from 'node:crypto';

// Dearer than what OpenPGP itself derives the message's key with: who guesses had better try the messages.
const COST = { N: 2 ** 15, r: 8, p: 3, maxmem: 64 * 1024 * 1024 };
const BYTES = 32;

/** What tells that a passphrase is the same as before, without telling which it is: `scrypt:<salt>:<hash>`. */
export function passphraseCheck(passphrase: string, salt = randomBytes(16)): string {
  return `scrypt:${salt.toString('hex')}:${scryptSync(passphrase, salt, BYTES, COST).toString('hex')}`;
}

/** Whether a check that was stored is of this passphrase. */
export function isOfPassphrase(check: string, passphrase: string): boolean {
  const [, salt = '', hash = ''] = /^scrypt:([0-9a-f]{32}):([0-9a-f]{64})$/.exec(check) ?? [];
  if (hash === '') return false;
  const ours = scryptSync(passphrase, Buffer.from(salt, 'hex'), BYTES, COST);
  return timingSafeEqual(ours, Buffer.from(hash, 'hex'));
}
