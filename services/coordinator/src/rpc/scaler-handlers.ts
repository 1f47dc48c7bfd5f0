import { ClusterError, type Logger, linkSignals } from "@cogfleet/core";
import type { ExternalScalerHandlers } from "@cogfleet/proto/gen/externalscaler/ExternalScaler";
import type { IsActiveResponse } from "@cogfleet/proto/gen/externalscaler/IsActiveResponse";
import type { ScaledObjectRef__Output } from "@cogfleet/proto/gen/externalscaler/ScaledObjectRef";
import { serverStream, unary } from "@cogfleet/service";
import type { UntypedServiceImplementation } from "@grpc/grpc-js";
import { drainTarget, parseScaleTarget, type ScaleTarget } from "../scale-figures.js";
import type { Scaling } from "../scaling.js";

export interface ScalerDeps {
  readonly scaling: Scaling;
  readonly log: Logger;
  /** Aborts when the server stops: ends the streams, which have no end of their own. */
  readonly stopping: AbortSignal;
}

/** An HPA divides each metric by its target, rounds up, and takes the largest result. */
const BACKLOG = "backlog_work_seconds";
const GROUPS = "groups_needed";

/** KEDA's external scaler. */
export function scalerHandlers({
  scaling,
  log,
  stopping,
}: ScalerDeps): ExternalScalerHandlers & UntypedServiceImplementation {
  async function* activity(target: ScaleTarget, signal: AbortSignal): AsyncGenerator<IsActiveResponse> {
    const linked = linkSignals(signal, stopping);
    try {
      // It ends in good order when we stop: KEDA then asks again soon, after an error it doubles its patience.
      for await (const result of scaling.activity(target, linked.signal)) yield { result };
    } finally {
      linked.unlink();
    }
  }

  return {
    IsActive: unary("IsActive", log, async (ref) => ({ result: scaling.figures(targetOf(ref)).isActive })),
    StreamIsActive: serverStream("StreamIsActive", log, (ref, { signal }) => activity(targetOf(ref), signal)),
    GetMetricSpec: unary("GetMetricSpec", log, async (ref) => ({
      metricSpecs: [spec(BACKLOG, drainTarget(targetOf(ref))), spec(GROUPS, 1)],
    })),
    GetMetrics: unary("GetMetrics", log, async ({ scaledObjectRef, metricName }) => {
      const figures = scaling.figures(targetOf(scaledObjectRef));
      const { backlogWorkSeconds, byAge, byDegrees, byFirstWorker } = figures;
      if (metricName === BACKLOG) return { metricValues: [value(BACKLOG, backlogWorkSeconds)] };
      if (metricName === GROUPS)
        return { metricValues: [value(GROUPS, Math.max(byAge, byDegrees, byFirstWorker))] };
      throw new ClusterError(
        "invalid_request",
        `metricName "${metricName}" is not known: there are ${BACKLOG}, ${GROUPS}`,
      );
    }),
  };
}

function targetOf(ref: ScaledObjectRef__Output | null): ScaleTarget {
  return parseScaleTarget(ref?.scalerMetadata ?? {});
}

function spec(metricName: string, target: number) {
  return { metricName, targetSize: Math.ceil(target), targetSizeFloat: target };
}

function value(metricName: string, figure: number) {
  return { metricName, metricValue: Math.ceil(figure), metricValueFloat: figure };
}
