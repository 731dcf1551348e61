import { S3Refusal } from './s3-double-requests';
import { element } from './s3-xml';

const DAY = 24 * 60 * 60 * 1000;

export interface StoredLock {
  readonly mode: string;
  readonly until: Date;
}

/** The locks of a bucket's current objects, which are made longer and never shorter. */
export class LockStore {
  readonly locks = new Map<string, StoredLock>();
  /** Keys under a legal hold. */
  readonly held = new Set<string>();

  constructor(private readonly days: number | undefined) {}

  add(key: string, at: Date): void {
    if (this.days !== undefined)
      this.locks.set(key, { mode: 'GOVERNANCE', until: new Date(at.getTime() + this.days * DAY) });
  }

  /** A delete marker has no lock, and what lies below it keeps its own. */
  hide(key: string): void {
    this.locks.delete(key);
  }

  configuration(): string {
    if (this.days === undefined) throw new S3Refusal(404, 'ObjectLockConfigurationNotFoundError');
    const retention = element('Mode', 'GOVERNANCE') + element('Days', String(this.days));
    const rule = element('Rule', element('DefaultRetention', retention));
    return element('ObjectLockConfiguration', element('ObjectLockEnabled', 'Enabled') + rule);
  }

  retentionOf(key: string): string {
    if (this.days === undefined) throw new S3Refusal(400, 'InvalidRequest');
    const lock = this.locks.get(key);
    if (!lock) throw new S3Refusal(404, 'NoSuchObjectLockConfiguration');
    const content = element('Mode', lock.mode) + element('RetainUntilDate', lock.until.toISOString());
    return element('Retention', content);
  }

  legalHoldOf(key: string): string {
    if (!this.held.has(key)) throw new S3Refusal(404, 'NoSuchObjectLockConfiguration');
    return element('LegalHold', element('Status', 'ON'));
  }

  extend(key: string, xml: string): void {
    const [, mode = ''] = /<Mode>(\w+)<\/Mode>/.exec(xml) ?? [];
    const [, until = ''] = /<RetainUntilDate>([^<]+)<\/RetainUntilDate>/.exec(xml) ?? [];
    const known = this.locks.get(key);
    const isShorter = known !== undefined && new Date(until) < known.until;
    if (isShorter || (known?.mode === 'COMPLIANCE' && mode !== 'COMPLIANCE')) throw new S3Refusal(403, 'AccessDenied');
    this.locks.set(key, { mode, until: new Date(until) });
  }
}
