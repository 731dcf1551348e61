import * as pulumi from '@pulumi/pulumi';
import type { StorageCaller } from '../../contract/storage-rights';
import {
  crossAccountBucketStatements,
  crossAccountKeyStatements,
  type ExtraRights,
  type GrantedRepository,
  type PolicyStatement,
} from '../bucket-grants';
import * as checks from '../private/checks';
import { validated } from '../private/validated-input';

/** A principal of another account that runs a command. */
export interface CrossAccountGrant extends ExtraRights {
  /** What it runs. */
  readonly command: StorageCaller;
  /**
   * ARN of its role. That role needs the same in its own account, too: `policyFor(command)`, on the replica `replicaPolicyFor(command)`.
   */
  readonly principalArn: pulumi.Input<string>;
  /**
   * Where it runs it: on the bucket, on its replica, or on either.
   *
   * @default 'bucket'
   */
  readonly on?: 'bucket' | 'replica' | 'both';
}

/** What policies of buckets and keys say of principals of other accounts. */
export class CrossAccountStatements {
  private readonly principals: pulumi.Output<string[]>;

  constructor(
    private readonly grants: readonly CrossAccountGrant[],
    private readonly repository: Pick<GrantedRepository, 'prefix' | 'locked'>,
  ) {
    this.principals = pulumi.all(
      grants.map(({ principalArn }, index) =>
        validated(`crossAccountGrants.${index}.principalArn`, principalArn, checks.arn),
      ),
    );
  }

  /** In the policy of the bucket or of its replica, which has this ARN. */
  inBucket(place: 'bucket' | 'replica', bucketArn: pulumi.Input<string>): pulumi.Output<PolicyStatement[]> {
    return this.statements(place, bucketArn, (principalArn, repository, { command, thaw = false }) =>
      crossAccountBucketStatements(command, repository, principalArn, { thaw }),
    );
  }

  /** In the policy of the key that encrypts it. */
  inKey(place: 'bucket' | 'replica', bucketArn: pulumi.Input<string>): pulumi.Output<PolicyStatement[]> {
    return this.statements(place, bucketArn, (principalArn, repository, { command }) =>
      crossAccountKeyStatements(command, repository, principalArn),
    );
  }

  private statements(
    place: 'bucket' | 'replica',
    bucketArn: pulumi.Input<string>,
    make: (principalArn: string, repository: GrantedRepository, grant: CrossAccountGrant) => PolicyStatement[],
  ): pulumi.Output<PolicyStatement[]> {
    return pulumi.all([bucketArn, this.principals]).apply(([arn, principals]) =>
      this.grants.flatMap((grant, index) => {
        const { on = 'bucket' } = grant;
        if (on !== place && on !== 'both') return [];
        const statements = make(principals[index] ?? '', { ...this.repository, bucketArn: arn }, grant);
        // A policy has no two statements of one name.
        return statements.map((statement) => ({ ...statement, Sid: `${statement.Sid}${index}` }));
      }),
    );
  }
}
