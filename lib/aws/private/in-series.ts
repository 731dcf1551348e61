import type * as pulumi from '@pulumi/pulumi';

type Made<T> = (options: pulumi.CustomResourceOptions) => T;

/**
 * Makes resources one after the other, as some S3-compatible servers lose all but one of several configuration writes to a bucket that
 * arrive at the same time, though each is answered with success.
 */
export class InSeries {
  private last: readonly pulumi.Resource[];

  constructor(
    private readonly options: pulumi.CustomResourceOptions,
    after: readonly pulumi.Resource[] = [],
  ) {
    this.last = after;
  }

  /** The next one: it waits for the one before. */
  make<T extends pulumi.Resource>(create: Made<T>): T {
    const made = create({ ...this.options, dependsOn: [...this.last] });
    this.last = [made];
    return made;
  }

  /** What comes after all of them depends on these. */
  get end(): readonly pulumi.Resource[] {
    return this.last;
  }
}
