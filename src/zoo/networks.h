// The zoo's networks, one function per family. Options arrive resolved and
// checked; BuildZoo is the door.
#ifndef SIGNUM_ZOO_NETWORKS_H_
#define SIGNUM_ZOO_NETWORKS_H_

#include <string>

#include "graph/graph.h"
#include "signum/result.h"
#include "zoo/zoo.h"

namespace signum::zoo {

Result<Graph> BuildLeNet(const ZooOptions& options);
Result<Graph> BuildAlexNet(const ZooOptions& options);
Result<Graph> BuildAlexNetCifar(const ZooOptions& options);
Result<Graph> BuildVggSmall(const ZooOptions& options);

// `depth` is 6 n + 2: 20, 32, 44, 56, 110.
Result<Graph> BuildResNetCifar(int depth, const ZooOptions& options);
// `depth` is 18, 34 or 50.
Result<Graph> BuildResNet(int depth, const ZooOptions& options);

Result<Graph> BuildMobileNetV1(const ZooOptions& options);
Result<Graph> BuildMobileNetV2(const ZooOptions& options);
Result<Graph> BuildEfficientNetB0(const ZooOptions& options);

}  // namespace signum::zoo

#endif  // SIGNUM_ZOO_NETWORKS_H_
