// Judges says what clients make of objects. It reads objects as a stream of JSON from its input and
// writes a line of JSON for each: what kstatus computes (sigs.k8s.io/cli-utils), as do Flux, helm --wait
// and kpt, and what Argo CD shows by a health script, the path of which is the only argument.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	lua "github.com/yuin/gopher-lua"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	kubejson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
)

type verdict struct {
	Kstatus opinion `json:"kstatus"`
	Argo    opinion `json:"argo"`
}

type opinion struct {
	Status  string `json:"status"`
	Message string `json:"message"`
}

func main() {
	if len(os.Args) != 2 {
		fail(errors.New("usage: judges HEALTH_SCRIPT < OBJECTS"))
	}
	script, err := os.ReadFile(os.Args[1])
	if err != nil {
		fail(err)
	}
	objects := json.NewDecoder(os.Stdin)
	verdicts := json.NewEncoder(os.Stdout)
	for {
		var text json.RawMessage
		if err := objects.Decode(&text); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			fail(err)
		}
		given, err := judge(text, string(script))
		if err != nil {
			fail(err)
		}
		if err := verdicts.Encode(given); err != nil {
			fail(err)
		}
	}
}

func judge(text []byte, script string) (verdict, error) {
	var object map[string]any
	// Unlike Go's own, it reads whole numbers as such: kstatus sees no others.
	if err := kubejson.Unmarshal(text, &object); err != nil {
		return verdict{}, err
	}
	computed, err := status.Compute(&unstructured.Unstructured{Object: object})
	if err != nil {
		return verdict{}, fmt.Errorf("kstatus: %w", err)
	}
	argo, err := health(object, script)
	if err != nil {
		return verdict{}, fmt.Errorf("the health script: %w", err)
	}
	return verdict{opinion{computed.Status.String(), computed.Message}, argo}, nil
}

// health runs a script as Argo CD does (argoproj/argo-cd: util/lua): the object is the global obj, only
// safe libraries are there, and the table that it returns has a status and a message.
func health(object map[string]any, script string) (opinion, error) {
	state := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer state.Close()
	for _, library := range []struct {
		name string
		open lua.LGFunction
	}{
		{lua.LoadLibName, lua.OpenPackage},
		{lua.BaseLibName, lua.OpenBase},
		{lua.TabLibName, lua.OpenTable},
		{lua.StringLibName, lua.OpenString},
		{lua.MathLibName, lua.OpenMath},
	} {
		call := lua.P{Fn: state.NewFunction(library.open), NRet: 0, Protect: true}
		if err := state.CallByParam(call, lua.LString(library.name)); err != nil {
			return opinion{}, err
		}
	}
	state.SetGlobal("obj", valueOf(state, object))
	if err := state.DoString(script); err != nil {
		return opinion{}, err
	}
	table, ok := state.Get(-1).(*lua.LTable)
	if !ok {
		return opinion{}, fmt.Errorf("it returns a %s instead of a table", state.Get(-1).Type())
	}
	return opinion{
		lua.LVAsString(table.RawGetString("status")),
		lua.LVAsString(table.RawGetString("message")),
	}, nil
}

func valueOf(state *lua.LState, value any) lua.LValue {
	switch value := value.(type) {
	case bool:
		return lua.LBool(value)
	case int64:
		return lua.LNumber(value)
	case float64:
		return lua.LNumber(value)
	case string:
		return lua.LString(value)
	case []any:
		table := state.CreateTable(len(value), 0)
		for _, entry := range value {
			table.Append(valueOf(state, entry))
		}
		return table
	case map[string]any:
		table := state.CreateTable(0, len(value))
		for key, entry := range value {
			table.RawSetString(key, valueOf(state, entry))
		}
		return table
	}
	return lua.LNil
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "judges:", err)
	os.Exit(1)
}
