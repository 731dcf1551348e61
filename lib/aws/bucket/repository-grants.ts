import * as iam from '@pulumi/aws/iam';
import * as pulumi from '@pulumi/pulumi';
import { STORAGE_CALLERS, type StorageCaller } from '../../contract/storage-rights';
import {
  TEMPO_BUCKET_COMMANDS,
  TEMPO_THAW_COMMANDS,
  type TempoBucketCommand,
} from '../../contract/tempo-bucket-rights';
import {
  canThaw,
  commandPolicy,
  type ExtraRights,
  type GrantedRepository,
  LONGEST_INLINE_POLICY,
} from '../bucket-grants';
import { refuse } from '../private/validated-input';
import { tempoBucketPolicy } from './tempo-bucket-policy';

/** A role that is granted something. */
export interface GrantedRole {
  /** Name of the role, not its ARN. */
  readonly name: pulumi.Input<string>;
}

/** A repository in a bucket that may not exist yet. */
export interface GrantableRepository {
  /** ARN of the bucket. */
  readonly bucketArn: pulumi.Input<string>;
  /** Prefix of the repository: empty, or ending with `/`. */
  readonly prefix: string;
  /** ARN of the key that encrypts it; undefined: keys of S3. */
  readonly keyArn: pulumi.Input<string> | undefined;
  /** Whether the bucket locks objects. */
  readonly locked: boolean;
}

/** The policy of an identity that runs the command, as JSON. */
export function policyOf(
  command: StorageCaller,
  repository: GrantableRepository,
  extra: ExtraRights = {},
): pulumi.Output<string> {
  if (!STORAGE_CALLERS.includes(command))
    refuse('command', `must be a command that works on a repository (${STORAGE_CALLERS.join(', ')}), got '${command}'`);
  checkThaw('thaw', command, extra.thaw);
  const { bucketArn, prefix, keyArn, locked } = repository;
  return pulumi.all([bucketArn, keyArn]).apply(([arn, key]) => {
    const granted: GrantedRepository = {
      bucketArn: arn,
      prefix,
      locked,
      ...(key === undefined ? {} : { keyArn: key }),
    };
    return inlinePolicy(JSON.stringify(commandPolicy(command, granted, extra)));
  });
}

/** Throws where a command may not request thaws, as it never does. */
export function checkThaw(path: string, command: StorageCaller, thaw = false): void {
  if (thaw && !canThaw(command))
    refuse(
      path,
      `must be left out for a command without --thaw, got it for '${command}'; 'verify' and 'restore' have it`,
    );
}

/** The policy of an identity that runs the command on Tempo's own bucket, as JSON. */
export function tempoPolicyOf(
  command: TempoBucketCommand,
  { bucketArn, prefix, keyArn }: Omit<GrantableRepository, 'locked'>,
  extra: ExtraRights = {},
): pulumi.Output<string> {
  if (!TEMPO_BUCKET_COMMANDS.includes(command))
    refuse(
      'command',
      `must be a command that works on Tempo's bucket (${TEMPO_BUCKET_COMMANDS.join(', ')}), got '${String(command)}'`,
    );
  if (extra.thaw && !TEMPO_THAW_COMMANDS.includes(command))
    refuse(
      'thaw',
      `must be left out for a command that thaws nothing in Tempo's bucket, got it for '${command}'; 'rewind' does`,
    );
  return pulumi.all([bucketArn, keyArn]).apply(([arn, key]) => {
    const granted = { bucketArn: arn, prefix, ...(key === undefined ? {} : { keyArn: key }) };
    return inlinePolicy(JSON.stringify(tempoBucketPolicy(command, granted, extra)));
  });
}

/** Logical name of a grant. */
export function grantName(component: string, command: StorageCaller, { suffix }: { readonly suffix?: string }): string {
  if (suffix === undefined) return `${component}-${command}`;
  const named = `${command}-${suffix}`;
  const other = STORAGE_CALLERS.find(
    (caller) => caller.startsWith(`${command}-`) && `${named}-`.startsWith(`${caller}-`),
  );
  if (other !== undefined)
    refuse(
      'suffix',
      `must not make the grant of '${command}' one of '${other}', got '${suffix}'; choose another suffix`,
    );
  return `${component}-${named}`;
}

/** The characters of what each role was granted so far. */
const lengths = new WeakMap<GrantedRole, pulumi.Output<number>>();

/** Gives the role an inline policy, which goes when the role does. */
export function grantCommand(
  name: string,
  role: GrantedRole,
  policy: pulumi.Output<string>,
  parent: pulumi.Resource,
): iam.RolePolicy {
  const before = lengths.get(role) ?? pulumi.output(0);
  lengths.set(
    role,
    pulumi.all([before, policy]).apply(([length, text]) => length + text.length),
  );
  const fitting = pulumi.all([before, policy]).apply(([length, text]) => withRoom(length, text));
  return new iam.RolePolicy(name, { role: role.name, policy: fitting }, { parent });
}

/** IAM counts the inline policies of a role together. */
function withRoom(before: number, policy: string): string {
  const length = before + policy.length;
  if (before > 0 && length > LONGEST_INLINE_POLICY)
    refuse(
      'role',
      `must have room for the policies of all its grants, ${LONGEST_INLINE_POLICY} characters together, got ${length}; use a role for each command`,
    );
  return policy;
}

function inlinePolicy(text: string): string {
  if (text.length > LONGEST_INLINE_POLICY) {
    refuse(
      'prefix',
      `must leave room for the policy of ${LONGEST_INLINE_POLICY} characters, got one of ${text.length}; use a shorter prefix or bucket name`,
    );
  }
  return text;
}
