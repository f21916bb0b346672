// Package peers asks the other replicas of a control plane which calls their clients report. A client is connected to one replica,
// and so each knows a part of the mesh.
package peers
