import { createHash } from 'node:crypto';

const LONGEST = 63;

/**
 * Name of what is made of a claim, such as `data-tempo-0-20261123-083000`: a DNS label that sorts by time. What had to be changed or cut
 * off of the claim's name is told apart by a digest.
 */
export function timedName(claim: string, purpose: '' | 'restored' | 'replaced', time: Date): string {
  const digits = time.toISOString().slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '-');
  const tail = purpose === '' ? `-${digits}` : `-${purpose}-${digits}`;
  const label = claim.replaceAll('.', '-');
  if (label === claim && claim.length + tail.length <= LONGEST) return `${claim}${tail}`;
  const digest = createHash('sha256').update(claim).digest('hex').slice(0, 6);
  return `${label.slice(0, LONGEST - tail.length - digest.length - 1)}-${digest}${tail}`;
}
