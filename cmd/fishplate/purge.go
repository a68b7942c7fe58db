package main

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"fishplate/cmd/fishplate/show"
	"fishplate/internal/admin"
)

// cacheVerbs are about what the caches hold.
func cacheVerbs() []verb {
	return []verb{
		{
			name: "purge", form: "URL… | --tag T… | --prefix P | --host H | --ban EXPR [--soft] [--tenant T] [--json]", max: -1, live: true, run: runPurge,
			short: "Take objects out of the caches",
			long: "Names what goes by URL (all its variants), by tag (Surrogate-Key, xkey, Cache-Tag), by how the URL begins, by host, or by\n" +
				"an expression over obj. Those but the last are gone when the verb returns. A ban holds at once, and its objects are\n" +
				"found when they are asked for, or by and by in the background. With --soft objects become stale and are not removed:\n" +
				"grace, revalidation and stale-if-error go on with them.\n\n" +
				"EXPR has obj.header(\"Name\"), obj.tag(\"t\"), and obj. with age, ttl, status, size, hits, host, path, query, url, tenant and\n" +
				"vhost; == != < <= > >=, && || !, parentheses, prefix(x, \"a\", …), suffix, contains and match(x, \"re\"); durations are\n" +
				"written 60s or 1h30m, sizes 10KiB. Ages are those at the moment of the ban.",
			example: "fishplate purge https://shop.example/cart https://shop.example/\nfishplate purge --tag product-7 --tag product-8 --soft\n" +
				"fishplate purge --prefix https://shop.example/img/\nfishplate purge --ban 'obj.header(\"X-Build\") == \"41\" && obj.age > 60s'",
			flags: func(f *pflag.FlagSet) {
				f.StringArray("tag", nil, "objects with this tag; may be repeated")
				f.String("prefix", "", "objects whose URL begins so, scheme and host included")
				f.String("host", "", "objects of this host, on any port")
				f.String("ban", "", "objects for which this expression is true")
				f.Bool("soft", false, "make them stale and keep them")
				f.String("tenant", "", "only objects of this tenant")
				jsonFlag(f)
			},
		},
		{
			name: "cache", short: "See what the caches hold", sub: []verb{
				{
					name: "cache ls", form: "[--host H] [--prefix P] [--tag T] [--tenant T] [--store S] [-n N] [--cursor C] [--json]", live: true, run: runCacheList,
					short:   "List stored objects",
					long:    "In no order. An answer that was cut ends with the cursor from which --cursor goes on.",
					example: "fishplate cache ls --host shop.example\nfishplate cache ls --tag product-7 --json | jq -r '.objects[].url'",
					flags: func(f *pflag.FlagSet) {
						selectFlags(f)
						f.String("cursor", "", "go on where an earlier answer ended")
					},
				},
				{
					name: "cache show", form: "URL [-H 'K: V']… [--method M] [--tenant T] [--store S] [--json]", min: 1, max: 1, live: true, run: runCacheShow,
					short:   "Show what is stored for a URL",
					long:    "Prints the key, every variant with its head, tags, hits, tier and how its age and freshness come about, and which of them\nsuch a request would get.",
					example: "fishplate cache show https://shop.example/cart -H 'Accept-Encoding: br'",
					flags: func(f *pflag.FlagSet) {
						f.StringArrayP("header", "H", nil, "a request field that may choose the variant, \"Name: value\"; may be repeated")
						f.String("method", "GET", "the request's method")
						storeFlags(f)
					},
				},
				{
					name: "cache stat", form: "[--store S] [--json]", live: true, run: runCacheStat,
					short:   "Figures of every store, and histograms of ages and sizes",
					example: "fishplate cache stat",
					flags: func(f *pflag.FlagSet) {
						f.String("store", "", "only this store")
						jsonFlag(f)
					},
				},
				{
					name: "cache top", form: "[--host H] [--prefix P] [--tag T] [--tenant T] [--store S] [-n N] [--json]", live: true, run: runCacheTop,
					short:   "List the objects with the most hits",
					long:    "Hits are counted since an object was stored.",
					example: "fishplate cache top -n 20 --tenant shop",
					flags:   selectFlags,
				},
			},
		},
	}
}

func storeFlags(f *pflag.FlagSet) {
	f.String("tenant", "", "only objects of this tenant")
	f.String("store", "", "only this store")
	jsonFlag(f)
}

func selectFlags(f *pflag.FlagSet) {
	f.String("host", "", "only objects of this host")
	f.String("prefix", "", "only objects whose URL begins so")
	f.String("tag", "", "only objects with this tag")
	f.IntP("lines", "n", 100, "at most so many objects, up to 1,000")
	storeFlags(f)
}

func runPurge(c *call) error {
	tags, err := c.flags.GetStringArray("tag")
	if err != nil {
		return err
	}
	q := admin.PurgeRequest{
		URLs: c.args, Tags: tags, Prefix: c.text("prefix"), Host: c.text("host"), Ban: c.text("ban"),
		Soft: c.flag("soft"), Tenant: c.text("tenant"),
	}
	// The form is --tag T…: what stands behind a tag is one too.
	if len(q.Tags) > 0 {
		for _, a := range q.URLs {
			if strings.Contains(a, "://") {
				return usagef("purge: name URLs or tags, not both")
			}
		}
		q.Tags, q.URLs = append(q.Tags, q.URLs...), nil
	}
	if _, err := q.Kind(); err != nil {
		return usagef("purge: name one of URL, --tag, --prefix, --host and --ban")
	}
	for _, u := range append(q.URLs, q.Prefix) {
		if u != "" && !strings.HasPrefix(u, "http://") && !strings.HasPrefix(u, "https://") {
			return usagef("purge: a URL begins with http:// or https://, not %q", u)
		}
	}
	r, err := c.client().Purge(c.ctx, q)
	if err != nil {
		return refused("purge", err)
	}
	if c.flag("json") {
		return c.printJSON(r)
	}
	_, err = fmt.Fprintln(c.stdout, purgeText(q, r))
	return err
}

// refused leaves out what is only the API's word for a caller's mistake.
func refused(verb string, err error) error {
	var api *admin.APIError
	if errors.As(err, &api) {
		err = fmt.Errorf("%s: %s", verb, strings.TrimPrefix(api.Message, admin.ErrInvalid.Error()+": "))
		if api.Status == http.StatusConflict {
			return exit{exitBusy, err}
		}
	}
	return err
}

func purgeText(q admin.PurgeRequest, r admin.PurgeResult) string {
	verb := "removed"
	if q.Soft {
		verb = "made stale"
	}
	if q.Ban != "" {
		return fmt.Sprintf("in force, with %s in the list: objects for which it is true are %s when they are asked for, or in the background",
			show.Count(r.Bans, "ban"), verb)
	}
	return fmt.Sprintf("%s %s in %s", show.Count(r.Purged, "object"), verb, r.Took.Round(time.Microsecond))
}
