package main

import (
	"fishplate/cmd/fishplate/show"
	"fishplate/internal/admin"
)

// cacheRequest takes what the flags of ls, show and top say.
func (c *call) cacheRequest(what string) (q admin.CacheRequest, err error) {
	q = admin.CacheRequest{What: what, Store: c.text("store"), Tenant: c.text("tenant")}
	if what == "show" {
		return q, nil
	}
	q.Host, q.Prefix, q.Tag = c.text("host"), c.text("prefix"), c.text("tag")
	if q.Limit, err = c.flags.GetInt("lines"); err != nil || q.Limit < 1 || q.Limit > 1000 {
		return q, usagef("cache %s: -n is a number from 1 to 1000", what)
	}
	return q, nil
}

func runCacheList(c *call) error {
	q, err := c.cacheRequest("ls")
	if err != nil {
		return err
	}
	q.Cursor = c.text("cursor")
	return c.printCacheList(q)
}

func runCacheTop(c *call) error {
	q, err := c.cacheRequest("top")
	if err != nil {
		return err
	}
	return c.printCacheList(q)
}

func (c *call) printCacheList(q admin.CacheRequest) error {
	var list admin.CacheList
	if err := c.client().Cache(c.ctx, q, &list); err != nil {
		return err
	}
	return write(c, &list, show.CacheList)
}

func runCacheShow(c *call) error {
	q, err := c.cacheRequest("show")
	if err != nil {
		return err
	}
	q.URL, q.Method = c.args[0], c.text("method")
	if q.Headers, err = c.fields("cache show"); err != nil {
		return err
	}
	var answer admin.CacheShow
	if err := c.client().Cache(c.ctx, q, &answer); err != nil {
		return refused("cache show", err)
	}
	return write(c, &answer, show.CacheShow)
}

func runCacheStat(c *call) error {
	var stat admin.CacheStat
	if err := c.client().Cache(c.ctx, admin.CacheRequest{What: "stat", Store: c.text("store")}, &stat); err != nil {
		return err
	}
	return write(c, &stat, show.CacheStat)
}
