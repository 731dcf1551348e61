import type { Manifest } from '../../../lib/contract/manifest';
import { UsageError } from '../../errors';
import { isDamage, type Repository } from '../repository';
import { VerificationLedger } from '../verification-ledger';

/** `Repository.resolve`, and `latest-verified`: the newest point that is sound and was verified, at whatever level. */
export async function resolvePoint(
  repository: Repository,
  text: string,
  warn: (message: string) => void,
): Promise<Manifest> {
  return text === 'latest-verified' ? latestVerified(repository, warn) : repository.resolve(text, warn);
}

async function latestVerified(repository: Repository, warn: (message: string) => void): Promise<Manifest> {
  const [{ points }, ledger] = await Promise.all([repository.listPoints(), VerificationLedger.load(repository)]);
  ledger.warnings.forEach(warn);
  const reasons: string[] = [];
  for (const { id } of points) {
    const found = ledger.verified(id)
      ? await soundManifest(repository, id)
      : 'it was never verified, or not found good';
    if (typeof found !== 'string') {
      if (reasons.length > 0) warn(`'${id}' is taken, not the newest recovery point: ${reasons[0] ?? ''}`);
      return found;
    }
    reasons.push(`'${id}': ${found}`);
  }
  throw new UsageError(
    points.length === 0
      ? `find recovery point 'latest-verified': the repository '${repository.storage.url}' has none yet`
      : `find recovery point 'latest-verified': none of ${points.length} is sound and verified, ${reasons[0] ?? ''}; run 'tempo-backup verify', or name one from 'list'`,
  );
}

/** The manifest, or why it isn't to be restored without being asked for by name. */
async function soundManifest(repository: Repository, id: string): Promise<Manifest | string> {
  try {
    const manifest = await repository.manifest(id);
    return manifest.suspect.length > 0 ? `it is suspect: ${manifest.suspect[0] ?? ''}` : manifest;
  } catch (error) {
    if (!isDamage(error)) throw error;
    return error.message;
  }
}
