import * as pulumi from '@pulumi/pulumi';
import * as checks from './checks';
import { isPlain, validated } from './validated-input';

/** The key of a bucket, usable only when it is one of the bucket's region. */
export function keyOfRegion(
  propertyPath: string,
  keyArn: pulumi.Input<string>,
  region: pulumi.Input<string>,
): pulumi.Output<string> {
  const checkedArn = validated(propertyPath, keyArn, checks.kmsKeyArn);
  const both = [isPlain(keyArn) ? keyArn : checkedArn, region];
  const known = both.every(isPlain) ? (both as string[]) : pulumi.all(both);
  const checked = validated<string[]>(propertyPath, known, ([key = '', there = '']) => checks.keyOfRegion(there)(key));
  return checked.apply(([key = '']) => key);
}
