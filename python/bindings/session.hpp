#pragma once

#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "sluice/runtime/predictor.hpp"

namespace sluice::python {

/// Predictors of one kernel, as many as there are calls at a time. Safe in several threads.
class PredictorPool {
 public:
  PredictorPool(const runtime::Kernel& kernel, std::int64_t batch_events)
      : kernel_(kernel), batch_events_(batch_events) {
    idle_.push_back(std::make_unique<runtime::Predictor>(kernel_, batch_events_));
  }
  PredictorPool(PredictorPool&& other) noexcept
      : kernel_(std::move(other.kernel_)),
        batch_events_(other.batch_events_),
        idle_(std::move(other.idle_)) {}

  const runtime::Kernel& kernel() const noexcept { return kernel_; }

  /// As Predictor::predict. A predictor whose call fails is not used again.
  void predict(const engine::ConstEvents& inputs, const engine::Events& outputs,
               runtime::Spans* spans) {
    std::unique_ptr<runtime::Predictor> predictor = take();
    predictor->predict(inputs, outputs, spans);
    const std::scoped_lock lock(mutex_);
    idle_.push_back(std::move(predictor));
  }

 private:
  std::unique_ptr<runtime::Predictor> take() {
    {
      const std::scoped_lock lock(mutex_);
      if (!idle_.empty()) {
        auto predictor = std::move(idle_.back());
        idle_.pop_back();
        return predictor;
      }
    }
    return std::make_unique<runtime::Predictor>(kernel_, batch_events_);
  }

  runtime::Kernel kernel_;
  std::int64_t batch_events_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<runtime::Predictor>> idle_;
};

}  // namespace sluice::python
