#include "model/mirrored_caches.h"

namespace trinity {

void MirroredCaches::Do(const KvCommand& command) {
  switch (command.kind) {
    case KvCommandKind::kMakePools:
      pools_[command.id] =
          std::make_unique<KvPools>(model_.kv_shape(), static_cast<DType>(command.argument));
      return;
    case KvCommandKind::kDropPools:
      pools_.erase(command.id);
      return;
    case KvCommandKind::kMakeCache:
      caches_[command.id] = std::make_unique<KvCache>(*pools_.at(command.argument));
      return;
    case KvCommandKind::kDropCache:
      caches_.erase(command.id);
      return;
    case KvCommandKind::kClear:
      return At(command.id).Clear();
    case KvCommandKind::kShare:
      return At(command.id).ShareFrom(At(command.argument));
    case KvCommandKind::kTruncate:
      return At(command.id).TruncateTo(command.argument);
    case KvCommandKind::kExtend:
      return At(command.id).Extend(command.argument);
    case KvCommandKind::kHoldWindow:
      return At(command.id).HoldWindowAt(command.argument);
    case KvCommandKind::kReleaseUnseen:
      return At(command.id).ReleaseUnseen();
  }
}

}  // namespace trinity
