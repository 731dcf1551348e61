/** What is told of a deletion in a bucket, in a test. */
export interface Deletion {
  readonly bucketName: string;
  readonly eventName: string;
  readonly errorCode: string | undefined;
  /** ARN of the role; undefined: of a user of IAM, or root. */
  readonly role: string | undefined;
}

/** An event of CloudTrail. */
export function deletionOf({
  bucketName = 'backups',
  eventName = 'DeleteObject',
  errorCode,
  role,
}: Partial<Deletion>): object {
  const session = role === undefined ? {} : { sessionContext: { sessionIssuer: { type: 'Role', arn: role } } };
  return {
    eventSource: 's3.amazonaws.com',
    eventName,
    ...(errorCode === undefined ? {} : { errorCode }),
    userIdentity: { type: role === undefined ? 'IAMUser' : 'AssumedRole', ...session },
    requestParameters: { bucketName },
  };
}

/** Whether an event fits a pattern of CloudWatch Logs: of a field that isn't there, neither `=` nor `!=` holds. */
export function matches(pattern: string, event: object): boolean {
  const [, expression = ''] = /^\{(.*)\}$/.exec(pattern) ?? [];
  let text = expression.replace(
    /\$\.([\w.]+) (?:(NOT EXISTS)|(!?=) "([^"]*)")/g,
    (_, path: string, ...rest: string[]) => letter(holds(fieldOf(event, path), rest)),
  );
  for (let before = ''; before !== text;) {
    before = text;
    text = text.replace(/\(([^()]*)\)/g, (_, flat: string) => letter(anyOf(flat)));
  }
  return anyOf(text);
}

function holds(value: unknown, [notExists, operator, expected = '']: readonly (string | undefined)[]): boolean {
  if (notExists) return value === undefined;
  if (typeof value !== 'string') return false;
  const equal = expected.endsWith('*') ? value.startsWith(expected.slice(0, -1)) : value === expected;
  return operator === '=' ? equal : !equal;
}

function anyOf(flat: string): boolean {
  return flat.split('||').some((part) => part.split('&&').every((each) => each.trim() === letter(true)));
}

function letter(value: boolean): string {
  return value ? 'T' : 'F';
}

function fieldOf(event: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>((value, key) => (value as Readonly<Record<string, unknown>> | undefined)?.[key], event);
}
