import type { ShowOptions } from '../../lib/contract/command-line/commands';
import { ExitCode } from '../../lib/contract/exit-codes';
import type { ShowResult } from '../../lib/contract/results';
import { VerificationLedger } from '../repository/verification-ledger';
import type { CommandContext, Outcome } from './context';
import { shownPoint } from './point-results';
import { configDiff } from './show/config-diff';

/** One recovery point, in full, or what changed in the configuration until it. */
export async function show({ repository, log }: CommandContext, options: ShowOptions): Promise<Outcome<ShowResult>> {
  const doubts: string[] = [];
  const doubt = (message: string): void => void doubts.push(message);
  const { id, configDiff: other } = options;
  const [manifest, ledger] = await Promise.all([repository.resolve(id, doubt), VerificationLedger.load(repository)]);
  const earlier = other === undefined ? undefined : await repository.resolve(other, doubt);
  for (const each of doubts) log.warn(each);
  return {
    result: {
      recoveryPoint: shownPoint(manifest, ledger.proof(manifest.id)),
      configDiff: earlier ? await configDiff(repository, earlier, manifest) : null,
    },
    exitCode: doubts.length > 0 ? ExitCode.INTEGRITY : ExitCode.DONE,
  };
}
