import type { Repository } from '../repository';
import { findMissing } from './existence';
import { ContentsReader, type PointProblem } from './point-contents';

/** What of a point is missing or has another size: a quick verification that writes nothing, as whoever restores may not. */
export async function checkPresence(repository: Repository, id: string, signal: AbortSignal): Promise<PointProblem[]> {
  const reader = new ContentsReader(repository);
  const points = await reader.read([id], signal);
  const missing = await findMissing(repository.storage, reader.units.values(), signal);
  return [...points.flatMap(({ problems }) => problems), ...missing.values()];
}
