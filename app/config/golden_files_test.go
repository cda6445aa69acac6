package config

import "testing"

// TestErrorsAsRedis loads configurations with mistakes.
func TestErrorsAsRedis(t *testing.T) {
	failing := 0
	for _, c := range testGolden(t, "config_errors.txt") {
		if len(c.want) > 0 && c.want[0] == "= exit 1" {
			failing++
		}
	}
	if failing < 120 && !*update {
		t.Errorf("%d cases fail to load, too few", failing)
	}
}

// TestLoadsAsRedis loads configurations and looks at the values.
func TestLoadsAsRedis(t *testing.T) { testGolden(t, "config_loads.txt") }

// TestGetAsRedis compares all defaults.
func TestGetAsRedis(t *testing.T) { testGolden(t, "config_get_7_0_15.txt") }

func TestSetAsRedis(t *testing.T) { testGolden(t, "config_set.txt") }

func TestRewriteAsRedis(t *testing.T) { testGolden(t, "config_rewrite.txt") }
