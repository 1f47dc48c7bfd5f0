// KEDA and the HPA as they decide (Kubernetes 1.37, KEDA 2.21): formula, tolerance, stabilization, policies, polling and
// cooldown. test/src/kubernetes/keda.deploy.test.ts runs the real ones.

/** The timing of a ScaledObject and its HPA. Seconds. */
export interface AutoscalerSettings {
  readonly minReplicas: number;
  readonly maxReplicas: number;
  /** KEDA looks at the scaler so often; going from zero to one is pushed and does not wait. */
  readonly pollingSeconds: number;
  /** Inactive for so long before the last replica goes. */
  readonly cooldownSeconds: number;
  /** The HPA looks so often. */
  readonly hpaSeconds: number;
  /** A metric that is off by less changes nothing, as a fraction. */
  readonly tolerance: number;
  /** Replicas go when fewer were wanted for so long. */
  readonly downStabilizationSeconds: number;
  /** Replicas that may come in `upPeriodSeconds`. */
  readonly upPods: number;
  readonly upPeriodSeconds: number;
  /** Replicas that may go in `downPeriodSeconds`. */
  readonly downPods: number;
  readonly downPeriodSeconds: number;
}

/** The chart's defaults (deploy/k8s/values.yaml); the HPA's own ones where the chart sets none. */
export const CHART_TIMING: Omit<AutoscalerSettings, "minReplicas" | "maxReplicas"> = {
  pollingSeconds: 15,
  cooldownSeconds: 300,
  hpaSeconds: 15,
  tolerance: 0.1,
  downStabilizationSeconds: 300,
  upPods: 8,
  upPeriodSeconds: 15,
  downPods: 1,
  downPeriodSeconds: 60,
};

/** What the scaler says of one metric. */
export interface MetricReading {
  readonly value: number;
  /** That one replica answers for. */
  readonly target: number;
}

/** What the HPA's formula makes of metrics with an average target. */
export function formula(metrics: readonly MetricReading[], replicas: number, tolerance: number): number {
  const wanted = metrics.map(({ value, target }) => {
    const ratio = value / (target * replicas);
    return Math.abs(1 - ratio) <= tolerance ? replicas : Math.ceil(value / target);
  });
  return Math.max(0, ...wanted);
}

/** Replicas over time. `tick` is called with each second that passes. */
export class KubernetesAutoscaler {
  readonly #settings: AutoscalerSettings;
  /** What was wanted, newest last. */
  #recommended: { readonly at: number; readonly replicas: number }[] = [];
  /** Replicas that the HPA added (above 0) and took away. */
  #changes: { readonly at: number; readonly by: number }[] = [];
  #lastActiveAt = 0;
  replicas: number;

  constructor(settings: AutoscalerSettings) {
    this.#settings = settings;
    this.replicas = settings.minReplicas;
  }

  tick(now: number, isActive: boolean, metrics: readonly MetricReading[]): void {
    const { minReplicas, pollingSeconds, cooldownSeconds, hpaSeconds } = this.#settings;
    if (isActive) this.#lastActiveAt = now;
    if (this.replicas === 0) {
      if (isActive) this.replicas = 1;
      return;
    }
    const isOver = now - this.#lastActiveAt >= cooldownSeconds;
    if (!isActive && isOver && minReplicas === 0 && now % pollingSeconds === 0) {
      this.replicas = 0;
      this.#recommended = [];
      return;
    }
    if (now % hpaSeconds === 0) this.#set(now, this.#hpa(now, metrics));
  }

  #hpa(now: number, metrics: readonly MetricReading[]): number {
    const s = this.#settings;
    const bounded = (replicas: number): number =>
      Math.min(s.maxReplicas, Math.max(1, s.minReplicas, replicas));
    const wanted = bounded(formula(metrics, this.replicas, s.tolerance));
    this.#recommended.push({ at: now, replicas: wanted });
    this.#recommended = this.#recommended.filter(({ at }) => at > now - s.downStabilizationSeconds);
    const highest = Math.max(...this.#recommended.map(({ replicas }) => replicas));
    const stable = wanted >= this.replicas ? wanted : Math.min(this.replicas, highest);
    const came = this.#changed(now, s.upPeriodSeconds, 1);
    const went = this.#changed(now, s.downPeriodSeconds, -1);
    const most = Math.max(this.replicas, this.replicas - came + s.upPods);
    const least = Math.min(this.replicas, this.replicas + went - s.downPods);
    return bounded(Math.min(most, Math.max(least, stable)));
  }

  #changed(now: number, periodSeconds: number, sign: 1 | -1): number {
    return this.#changes
      .filter(({ at, by }) => at > now - periodSeconds && by * sign > 0)
      .reduce((sum, { by }) => sum + Math.abs(by), 0);
  }

  #set(now: number, replicas: number): void {
    if (replicas === this.replicas) return;
    this.#changes.push({ at: now, by: replicas - this.replicas });
    this.#changes = this.#changes.filter(({ at }) => at > now - 3600);
    this.replicas = replicas;
  }
}
