// Original file: proto/externalscaler.proto

import type { Long } from '@grpc/proto-loader';

export interface MetricValue {
  'metricName'?: (string);
  /**
   * Read by old releases of KEDA, and when the next one is 0.
   */
  'metricValue'?: (number | string | Long);
  'metricValueFloat'?: (number | string);
}

export interface MetricValue__Output {
  'metricName': (string);
  /**
   * Read by old releases of KEDA, and when the next one is 0.
   */
  'metricValue': (string);
  'metricValueFloat': (number);
}
