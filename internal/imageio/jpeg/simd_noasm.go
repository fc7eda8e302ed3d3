//go:build !amd64 || noasm

package jpeg

const fast = false

func idctAVX2(*[64]int16, *uint8, int) { panic("no assembly in this build") }

func yccAVX2(_, _, _, _ *uint8, _ int) { panic("no assembly in this build") }

func sumsAVX2(*uint16, *uint8, *uint8, int) { panic("no assembly in this build") }

func widenAVX2(*uint8, *uint16, int) { panic("no assembly in this build") }
