# Programs for other processors. Included by the Makefile; see cross/README.md.

.PHONY: cross ipk apk release size test-cross test-router test-feed test-reproducible

cross: ## build static programs for routers into dist/ (TARGET=mips_24kc: one)
	@cross/build $(TARGET)

ipk: ## build packages for OpenWrt's opkg into dist/, without its SDK (TARGET=mips_24kc: one)
	@cross/package/build ipk $(TARGET)

apk: ## build packages for OpenWrt's apk, by apk-tools 3 (TARGET=mips_24kc: one)
	@cross/package/build apk $(TARGET)

release: ## make what is handed out for a version: programs, packages, source, licences, and their sums
	@cross/release $(TARGET)

size: ## show the sizes in dist/ and on a router, fail over budget
	@cross/size

test-cross: ## test the programs in dist/ on their own CPU, emulated (TARGET=mips_24kc: one)
	@cross/test-cross $(TARGET)

test-router: ## scan an emulated MIPS router that runs dist/'s mipsel_24kc
	@cross/test-router

test-feed: ## build as OpenWrt's package feed does, and test that
	@cross/test-feed

test-reproducible: ## build dist/ again elsewhere and want the same bytes (TARGET=mips_24kc: one)
	@cross/test-reproducible $(TARGET)
