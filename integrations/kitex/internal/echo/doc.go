// Package echo has the services of the tests. Kitex' tool made kitex_gen from echo.thrift and echo.proto, in this folder:
//
//	go run github.com/cloudwego/kitex/tool/cmd/kitex@v0.16.2 -module github.com/mizzen-mesh/mizzen/integrations/kitex echo.thrift
//	go run github.com/cloudwego/kitex/tool/cmd/kitex@v0.16.2 -module github.com/mizzen-mesh/mizzen/integrations/kitex echo.proto
package echo
