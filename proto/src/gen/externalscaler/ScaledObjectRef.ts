// Original file: proto/externalscaler.proto


export interface ScaledObjectRef {
  'name'?: (string);
  'namespace'?: (string);
  /**
   * The trigger's metadata: model, targetDrainSeconds, maxQueueAgeSeconds, workersPerGroup (docs/autoscaling.md).
   */
  'scalerMetadata'?: ({[key: string]: string});
}

export interface ScaledObjectRef__Output {
  'name': (string);
  'namespace': (string);
  /**
   * The trigger's metadata: model, targetDrainSeconds, maxQueueAgeSeconds, workersPerGroup (docs/autoscaling.md).
   */
  'scalerMetadata': ({[key: string]: string});
}
