import type { ClusterObject } from '../cluster-api';

type Fields = Readonly<Record<string, unknown>>;

// What the server or a controller of the cluster wrote. Owners and finalizers are others' business in another cluster: an owner that isn't
// there has the object collected as garbage, and a finalizer without its controller keeps it from ever being deleted.
const SERVER_METADATA = [
  'managedFields',
  'uid',
  'resourceVersion',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'generation',
  'selfLink',
  'ownerReferences',
  'finalizers',
];

const SERVER_ANNOTATIONS = [
  // Holds the whole object once more, of a Secret too.
  'kubectl.kubernetes.io/last-applied-configuration',
  'deployment.kubernetes.io/revision',
  'pv.kubernetes.io/bind-completed',
  'pv.kubernetes.io/bound-by-controller',
  'volume.beta.kubernetes.io/storage-provisioner',
  'volume.kubernetes.io/storage-provisioner',
  'volume.kubernetes.io/selected-node',
];

/** The object as somebody would apply it: without what the server writes itself, and what holds for this cluster only. */
export function stripObject(object: ClusterObject): ClusterObject {
  const { status: _status, metadata, ...rest } = object;
  return {
    ...rest,
    apiVersion: object.apiVersion,
    kind: object.kind,
    metadata: { ...stripMetadata(metadata), name: metadata.name },
    ...(isFields(object.spec) ? { spec: stripSpec(object.kind, object.spec) } : {}),
  };
}

function stripMetadata(metadata: Fields): Fields {
  const kept = without(metadata, SERVER_METADATA);
  const annotations = without(asFields(kept.annotations), SERVER_ANNOTATIONS);
  const { annotations: _annotations, ...others } = kept;
  return Object.keys(annotations).length > 0 ? { ...others, annotations } : others;
}

function stripSpec(kind: string, spec: Fields): Fields {
  switch (kind) {
    case 'Service':
      return stripServiceSpec(spec);
    case 'PersistentVolumeClaim':
      // Where a claim's first content came from may be gone; the content itself is in the point.
      return without(spec, ['volumeName', 'dataSource', 'dataSourceRef']);
    case 'StatefulSet':
    case 'Deployment':
      return stripWorkloadSpec(spec);
    default:
      return spec;
  }
}

function stripServiceSpec(spec: Fields): Fields {
  const isHeadless = spec.clusterIP === 'None';
  const isSingleStack = (spec.ipFamilyPolicy ?? 'SingleStack') === 'SingleStack';
  return without(spec, [
    ...(isHeadless ? [] : ['clusterIP']),
    ...(isSingleStack ? ['ipFamilies'] : []),
    'clusterIPs',
    'healthCheckNodePort',
  ]);
}

function stripWorkloadSpec(spec: Fields): Fields {
  const { template, volumeClaimTemplates: claims, ...rest } = spec;
  return {
    ...rest,
    ...(isFields(template) ? { template: stripTemplate(template) } : {}),
    ...(Array.isArray(claims) ? { volumeClaimTemplates: claims.map((claim: unknown) => stripClaim(claim)) } : {}),
  };
}

/** The server answers with `creationTimestamp: null` in templates. */
function stripTemplate(template: Fields): Fields {
  return { ...template, metadata: without(asFields(template.metadata), ['creationTimestamp']) };
}

function stripClaim(claim: unknown): unknown {
  return isFields(claim) ? without(stripTemplate(claim), ['status']) : claim;
}

function without(fields: Fields, names: readonly string[]): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => !names.includes(name)));
}

function asFields(value: unknown): Fields {
  return isFields(value) ? value : {};
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
