import { ApiObject, Chart } from 'cdk8s';
import { type IConstruct } from 'constructs';

const NAMED = 3;

/**
 * Objects below a construct that its chart defines a second time, in sentences. `kubectl apply` would let the last one win, so that of two
 * backups one would be gone without a word.
 */
export function definedTwice(construct: IConstruct, fix: string): string[] {
  const mine = objectsBelow(construct);
  const others = objectsBelow(Chart.of(construct)).filter((object) => !mine.includes(object));
  const taken = new Map(others.map((object) => [identityOf(object), object]));
  const twice = mine.flatMap((object) => {
    const other = taken.get(identityOf(object));
    return other === undefined ? [] : [`${object.kind} '${object.name}' (also '${other.node.path}')`];
  });
  if (twice.length === 0) return [];
  const more = twice.length > NAMED ? ` and ${twice.length - NAMED} more` : '';
  return [`the chart defines ${twice.slice(0, NAMED).join(', ')}${more} twice; ${fix}`];
}

function objectsBelow(construct: IConstruct): ApiObject[] {
  return construct.node.findAll().filter((each) => ApiObject.isApiObject(each));
}

function identityOf({ apiGroup, kind, name, metadata, chart }: ApiObject): string {
  return [apiGroup, kind, metadata.namespace ?? chart.namespace ?? '', name].join('/');
}
