import { BucketWorkplace, TEMPO_PREFIX } from './bucket-workplace';
import type { S3DoubleOptions } from './s3-double';

const MINUTE_MS = 60_000;

/** Tempo's bucket with versions, and a clock that goes on when it is told. */
export class RewindScene {
  static async start(options: S3DoubleOptions & { readonly daysAgo?: number } = {}): Promise<RewindScene> {
    const { daysAgo = 2, ...rest } = options;
    const scene = new RewindScene(Date.now() - daysAgo * 24 * 60 * MINUTE_MS);
    const clock = (): Date => new Date(scene.time);
    scene.place = await BucketWorkplace.start({ versioning: 'Enabled', clock, ...rest });
    return scene;
  }

  private place: BucketWorkplace | undefined;

  private constructor(public time: number) {}

  get workplace(): BucketWorkplace {
    if (!this.place) throw new Error('the scene has not been started');
    return this.place;
  }

  pass(minutes = 1): void {
    this.time += minutes * MINUTE_MS;
  }

  moment(): string {
    return new Date(this.time).toISOString();
  }

  /** Removes a block as Tempo's retention does. */
  clear(tenant: string, id: string): void {
    for (const key of this.workplace.keys().filter((each) => each.startsWith(`${tenant}/${id}/`)))
      this.workplace.double.drop(`${TEMPO_PREFIX}/${key}`);
  }

  /** Removes versions of a block for good, as a lifecycle rule does: all but its delete markers, or these too. */
  expire(id: string, { markers = false } = {}): void {
    const { versions } = this.workplace.double.history;
    for (const [key, each] of versions) {
      if (!key.includes(id)) continue;
      if (markers) versions.delete(key);
      else
        versions.set(
          key,
          each.filter(({ bytes }) => bytes === undefined),
        );
    }
  }

  /** What Tempo sees: the files of live blocks. */
  visible(): Map<string, Buffer> {
    const keys = new Set(this.workplace.keys());
    const isLive = (folder: string): boolean =>
      keys.has(`${folder}/meta.json`) && !keys.has(`${folder}/meta.compacted.json`);
    const live = [...keys].filter((key) => isLive(key.slice(0, key.lastIndexOf('/'))));
    const { objects } = this.workplace.double;
    return new Map(live.map((key) => [key, objects.get(`${TEMPO_PREFIX}/${key}`)?.bytes ?? Buffer.alloc(0)]));
  }

  rewind(to: string, ...args: string[]): ReturnType<BucketWorkplace['run']> {
    return this.workplace.run('rewind', '--to', to, ...args);
  }
}
